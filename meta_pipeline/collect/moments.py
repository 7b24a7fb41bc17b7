"""Time stamps of warehouses that keep no time zone: dlt writes them in UTC."""

from __future__ import annotations

from datetime import datetime, timezone


def as_moment(value: datetime | str) -> datetime:
    """Returns a time stamp with its zone.

    Args:
        value: A time stamp, or one in ISO 8601; in UTC where it names no zone.

    Raises:
        ValueError: The text is no time stamp.
    """
    moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def without_zone(value: datetime) -> str:
    """Returns a time stamp in UTC as text without its zone, as a cast to a type without one reads it."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
