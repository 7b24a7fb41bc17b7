"""What the receiver is told by its environment: nothing else is there where it runs as a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meta_pipeline.exceptions import ConfigurationError

INBOX_VARIABLE = "META_PIPELINE_INBOX"
TOKEN_VARIABLE = "META_PIPELINE_RECEIVE_TOKEN"  # noqa: S105
MIN_TOKEN_CHARACTERS = 16


@dataclass(frozen=True)
class ReceiverSettings:
    """How traces are received.

    Args:
        inbox: Folder or URL that they are put into.
        token: What senders must know.
    """

    inbox: str
    token: str = field(repr=False)


def read_settings(variables: Mapping[str, str], inbox: str | None = None) -> ReceiverSettings:
    """Reads the settings of the receiver.

    Args:
        variables: The environment variables.
        inbox: The inbox where no variable names one.

    Returns:
        The settings.

    Raises:
        ConfigurationError: There is no inbox, or no token that is long enough.
    """
    place = variables.get(INBOX_VARIABLE) or inbox
    if not place:
        raise ConfigurationError(
            f"No inbox to put traces into. Set {INBOX_VARIABLE} to a folder or URL, or inbox in [sources.dlt_metadata]"
        )
    token = variables.get(TOKEN_VARIABLE, "")
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise ConfigurationError(
            f"{TOKEN_VARIABLE} must be a secret of at least {MIN_TOKEN_CHARACTERS} characters that senders know. Make "
            "one with: python -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return ReceiverSettings(place, token)
