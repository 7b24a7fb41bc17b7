"""Giving events away: into a file, or to a server by the official client's transport."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
import requests
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

from meta_pipeline.exceptions import ExportError
from meta_pipeline.export.events import subject_of

TIMEOUT_SECONDS = 10.0
"""To connect, and between two bytes of the answer."""

# After the first attempt; in between 0, 1 and 2 seconds. What a server asks for in Retry-After may be hours.
_RETRY: dict[str, Any] = {
    "total": 3,
    "backoff_factor": 0.5,
    "status_forcelist": [429, 500, 502, 503, 504],
    "allowed_methods": ["POST"],
    "respect_retry_after_header": False,
}
# Of these, another event may be taken where one was not.
_REFUSALS = (400, 413, 422)
_NAMED = 5


@dataclass(frozen=True)
class Delivery:
    """What became of events.

    Args:
        count: How many were taken.
        problems: What was not, and what to do next.
    """

    count: int
    problems: tuple[str, ...] = ()


def write_file(events: IO[bytes], path: Path) -> None:
    """Writes events into a file, which is there as a whole or as it was before.

    Args:
        events: One event per line.
        path: The file.

    Raises:
        ExportError: It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(events, file)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ExportError(
            f"{path} could not be written: {error.strerror}. Name another file with --out, or make room for this one"
        ) from None


def send(events: IO[bytes], url: str, token: str | None) -> Delivery:
    """Sends events, in their order, until the server cannot be reached or lets nobody in.

    Args:
        events: One event per line.
        url: The server.
        token: What it asks for; a secret.

    Returns:
        How many it took. An event that it refuses keeps no other from being sent.
    """
    transport = _transport(url, token)
    sent, refused = 0, _Refused()
    try:
        for line in events:
            event = orjson.loads(line)
            try:
                transport.emit(event)
                sent += 1
            except requests.HTTPError as error:
                status = error.response.status_code if error.response is not None else 0
                if status not in _REFUSALS:
                    return Delivery(sent, (*refused.problems(), _stopped(event, sent, _answered(status))))
                refused.add(event, status)
            except Exception as error:
                # What libraries say quotes the URL.
                return Delivery(sent, (*refused.problems(), _stopped(event, sent, _unreached(error))))
    finally:
        transport.close()
    return Delivery(sent, tuple(refused.problems()))


class _Refused:
    """Events that were refused: the first few by name, all by number."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._subjects: dict[int, list[str]] = {}

    def add(self, event: dict[str, Any], status: int) -> None:
        self._counts[status] += 1
        named = self._subjects.setdefault(status, [])
        if len(named) < _NAMED:
            named.append(subject_of(event))

    def problems(self) -> Iterator[str]:
        for status, count in sorted(self._counts.items()):
            named = "; ".join(self._subjects[status])
            more = f"; and {count - _NAMED} more" if count > _NAMED else ""
            yield (
                f"the server refused {count} events with HTTP status {status}: {named}{more}. Look into its log, then "
                "export again: what it has already does not change"
            )


def _transport(url: str, token: str | None) -> HttpTransport:
    session = requests.Session()
    # Redirected, a token would go to somebody else.
    session.max_redirects = 0
    config = HttpConfig(
        url=f"{url.rstrip('/')}/",
        timeout=TIMEOUT_SECONDS,
        auth=ApiKeyTokenProvider({"apiKey": token}) if token else TokenProvider({}),
        session=session,
        retry=_RETRY,
    )
    return HttpTransport(config)


def _stopped(event: dict[str, Any], sent: int, reason: str) -> str:
    return (
        f"the server {reason} Sent were {sent} events; not sent: {subject_of(event)}, and all after it. Nothing is "
        "lost: export again, what it has already does not change"
    )


def _answered(status: int) -> str:
    advice = {
        401: "Check token in [export.openlineage].",
        403: "Check token in [export.openlineage].",
        404: "Check the URL: events are sent to api/v1/lineage below it.",
    }
    return f"answered with HTTP status {status}. {advice.get(status, 'Look into its log.')}"


def _unreached(error: Exception) -> str:
    if isinstance(error, requests.TooManyRedirects):
        return "sends elsewhere. Write the URL that it sends to."
    if isinstance(error, requests.exceptions.RetryError):
        return f"was busy or broken at {_RETRY['total'] + 1} attempts."
    if isinstance(error, requests.Timeout):
        return f"did not answer within {TIMEOUT_SECONDS:g} s."
    if isinstance(error, requests.ConnectionError):
        return "could not be reached, or did not answer in time. Check the URL, and that it is running."
    return f"could not be used ({type(error).__name__})."
