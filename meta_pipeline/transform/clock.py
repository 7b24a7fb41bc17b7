"""What the home says of its marts before a transform: is there raw data, and from where can the marts be continued?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import MODELS_DATASET, RAW_DATASET, Home, Session

_CLOCK_TABLE = "clock"
_COLLECTIONS_VIEW = "stg_observability__collections"


@dataclass(frozen=True)
class Clock:
    """What the last finished transform left in the model ``clock``, where the marts can be continued from it.

    Args:
        settings_fingerprint: The variables that they were built with.
        read_up_to: Start of the last collection that it read; None where there was none.
        built_at: When it began.
    """

    settings_fingerprint: str
    read_up_to: datetime | None
    built_at: datetime


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


def read_clock(session: Session, fingerprint: str) -> Clock | None:
    """Returns what the last finished transform left.

    Args:
        session: An open session of the home.
        fingerprint: The project and database that are there now.

    Returns:
        The clock, or None where marts must be built as a whole: there are none, they show a past moment, or another
        project built them.
    """
    if not session.has(MODELS_DATASET, _CLOCK_TABLE):
        return None
    clock = session.relation(MODELS_DATASET, _CLOCK_TABLE)
    built = session.rows(f"select is_past, project_fingerprint from {clock}")
    if not built or built[0][0] or built[0][1] != fingerprint:
        return None
    # Only this version's clock is known to have these.
    return Clock(*session.rows(f"select settings_fingerprint, read_up_to, built_at from {clock}")[0])


def forget_clock(session: Session) -> None:
    """Makes the next transform rebuild everything, should the one that follows break off half way.

    Args:
        session: An open session of the home.
    """
    if session.has(MODELS_DATASET, _CLOCK_TABLE):
        session.rows(f"drop table {session.relation(MODELS_DATASET, _CLOCK_TABLE)}")


def forget_settings(session: Session) -> None:
    """Makes the next transform build everything, should the one that follows break off half way.

    Args:
        session: An open session of the home.
    """
    session.rows(f"update {session.relation(MODELS_DATASET, _CLOCK_TABLE)} set settings_fingerprint = '' where 1 = 1")


def last_collected_at(session: Session) -> datetime | None:
    """Returns the start of the last collection that is finished.

    Args:
        session: An open session of the home.
    """
    collections = session.relation(MODELS_DATASET, _COLLECTIONS_VIEW)
    moment: datetime | None = session.rows(f"select max(collected_at) from {collections}")[0][0]
    return moment


def are_there(session: Session, places: Iterable[tuple[str, str]]) -> bool:
    """Tells whether all of some tables are there, by one query.

    Args:
        session: An open session of the home.
        places: Dataset and name of each.
    """
    looks = [f"select 1 as found from {session.relation(*place)} where 1 = 0" for place in places]
    try:
        session.rows(" union all ".join(looks))
    except HomeError:
        return False
    return True


def changed_since(
    session: Session, places: Mapping[str, tuple[str, str]], column: str, moment: datetime | None
) -> frozenset[str]:
    """Returns those of some tables that have rows of later than a moment, by one query.

    Args:
        session: An open session of the home.
        places: Dataset and table, by the name to return.
        column: The column with the rows' time.
        moment: The moment; None for the beginning of time.
    """
    if not places:
        return frozenset()
    later = "" if moment is None else f"where {column} > %s"
    values = () if moment is None else (moment,) * len(places)
    looks = [
        # BigQuery knows no condition without a table
        f"select '{name}' as name from (select 1 as one) as one "
        f"where exists (select 1 from {session.relation(*place)} {later})"
        for name, place in places.items()
    ]
    return frozenset(row[0] for row in session.rows(" union all ".join(looks), *values))
