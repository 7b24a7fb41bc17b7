"""How bad a finding is: one scale for status, alerts and ``--fail-on``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


def is_at_least(severity: str, bound: str) -> bool:
    """Tells whether a severity is as bad as another, or worse.

    Args:
        severity: The severity.
        bound: The other one.
    """
    return _rank(severity) >= _rank(bound)


def worst_of(severities: Iterable[Severity]) -> Severity | None:
    """Returns the worst of some severities that ask for attention; None where none does.

    Args:
        severities: The severities.
    """
    return max((severity for severity in severities if severity != "info"), key=_rank, default=None)


def _rank(severity: str) -> int:
    return [str(known) for known in SEVERITIES].index(severity)
