"""What the home says of its marts before a transform: is there raw data, and can the marts be continued?"""

from __future__ import annotations

from dataclasses import dataclass

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import MODELS_DATASET, RAW_DATASET, Home, Session

_CLOCK_TABLE = "clock"


@dataclass(frozen=True)
class Clock:
    """What the last finished transform left in the model ``clock``.

    Args:
        is_past: Whether the marts show a past moment.
        project_fingerprint: Project and database that they were built from.
    """

    is_past: bool
    project_fingerprint: str


def require_raw_dataset(session: Session, home: Home) -> None:
    """Checks that something was collected.

    Args:
        session: An open session of the home.
        home: The home, for the message.

    Raises:
        HomeError: The observability dataset is not there.
    """
    if not session.has(RAW_DATASET, "loads"):
        raise HomeError(f"There is no dataset '{RAW_DATASET}' in {home.database} yet. Run: meta-pipeline run")


def read_clock(session: Session) -> Clock | None:
    """Returns what the last finished transform left, or None where there was none.

    Args:
        session: An open session of the home.
    """
    if not session.has(MODELS_DATASET, _CLOCK_TABLE):
        return None
    clock = session.relation(MODELS_DATASET, _CLOCK_TABLE)
    rows = session.rows(f"select is_past, project_fingerprint from {clock}")
    return Clock(*rows[0]) if rows else None


def forget_clock(session: Session) -> None:
    """Makes the next transform rebuild everything, should the one that follows break off half way.

    Args:
        session: An open session of the home.
    """
    if session.has(MODELS_DATASET, _CLOCK_TABLE):
        session.rows(f"drop table {session.relation(MODELS_DATASET, _CLOCK_TABLE)}")
