"""A program of its own: copies the result of a PostgreSQL query to its standard output as CSV.

The driver takes Python's lock anew for every row, so that in one process with other work each row may wait for a whole
turn of that work. It is given a ``Request`` as JSON on standard input, and tells an error on standard error as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TypedDict

if __name__ == "__main__":
    # Started by its path, it would find the modules beside it in place of those that are called the same.
    sys.path.pop(0)

import psycopg2


class Request(TypedDict):
    """What is to be copied.

    Args:
        url: URL of the database.
        parameters: Further parameters of the connection.
        query: The query.
    """

    url: str
    parameters: dict[str, Any]
    query: str


class Failure(TypedDict):
    """What the server said.

    Args:
        sqlstate: PostgreSQL's code of the error; None where there was no server to give one.
        message: Its words.
    """

    sqlstate: str | None
    message: str


def copy_out(request: Request) -> Failure | None:
    """Copies the result of a query to standard output.

    Args:
        request: What is to be copied.

    Returns:
        What went wrong, if anything did.
    """
    try:
        connection = psycopg2.connect(request["url"], **request["parameters"])
        with connection, connection.cursor() as cursor:
            cursor.copy_expert(f"copy ({request['query']}) to stdout with (format csv)", sys.stdout.buffer)
        connection.close()
    except psycopg2.Error as error:
        return {"sqlstate": error.pgcode, "message": str(error)}
    return None


if __name__ == "__main__":
    failure = copy_out(json.load(sys.stdin))
    if failure:
        json.dump(failure, sys.stderr)
        sys.exit(1)
