"""The peer that only reads: COPY of the same tables to nowhere, all datasets of a kind in one statement.

Usage: python -m benchmarks.programs.copy_out URL
"""

from __future__ import annotations

import sys

from benchmarks.warehouse import SYSTEM_TABLES, connected, dataset_names


class NullSink:
    """A file that forgets what is written to it."""

    def write(self, data: bytes) -> int:
        """Takes data and does nothing with it."""
        return len(data)


def copy_out(url: str) -> None:
    """Reads every row of dlt's tables.

    Args:
        url: The fleet's database.
    """
    names = dataset_names(url)
    with connected(url) as connection, connection.cursor() as cursor:
        for table in SYSTEM_TABLES:
            rows = " UNION ALL ".join(f'SELECT * FROM "{name}"."{table}"' for name in names)
            cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", NullSink())


if __name__ == "__main__":
    copy_out(sys.argv[1])
