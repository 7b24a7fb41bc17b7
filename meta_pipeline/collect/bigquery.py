"""BigQuery, by Google's client, which dlt itself uses for it.

What the API tells of datasets and tables is free, and so is ``__TABLES__``, which says when a table changed; what is
read of a table is billed, ten megabytes at least. So columns are asked for of changed tables only, and by the API.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud import bigquery

from meta_pipeline.collect.sql import (
    LINK_NAMES,
    SETTLED_SECONDS,
    Ask,
    Branch,
    Catalogue,
    Dialect,
    Row,
    SqlWarehouse,
    TableNames,
    read_branches,
)
from meta_pipeline.collect.warehouse import SYSTEM_TABLES, Cost, Dataset, kept_names
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    BudgetExceededError,
    CollectionError,
    DestinationForbiddenError,
    DestinationInterruptedError,
    DestinationUnreachableError,
    TableMissingError,
)

LABELS: Mapping[str, str] = {"application": "meta-pipeline"}
LEAST_BYTES_BILLED = 10 << 20
"""What each table that a query reads is billed for at least."""

MAX_TABLES = 1_000
HTTP_TIMEOUT_SECONDS = 60
RETRY = bigquery.DEFAULT_RETRY.with_timeout(HTTP_TIMEOUT_SECONDS)
TABLES_AT_ONCE = 8
BASE_TABLE = 1


def escaped_literal(value: str) -> str:
    """Returns a string as a literal of GoogleSQL, in which a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


DIALECT = Dialect(
    text="string", integer="int64", timestamp="timestamp", literal=escaped_literal, max_branches=MAX_TABLES // 4
)
"""A query may name a thousand tables; a branch that counts nested rows names several."""


class BigQueryConnection:
    """A client of one project that only reads.

    Args:
        client: The client; without a location, so that each query runs where its tables are.
        settings: How the destination is observed: for how long, and for how many bytes.
    """

    destination_type = "bigquery"

    def __init__(self, client: bigquery.Client, settings: DestinationSettings) -> None:
        self.client = client
        self._budget = settings.maximum_bytes_billed
        self._deadline = time.monotonic() + settings.timeout_seconds
        self._bytes_scanned = 0
        self._bytes_billed = 0

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema.

        Raises:
            CollectionError: BigQuery refused the query or went away.
        """
        with told():
            for batch in self._result(sql).to_arrow_iterable():
                yield pa.Table.from_batches([batch]).rename_columns(schema.names).cast(schema)

    def rows(self, sql: str) -> Iterator[Row]:
        """Yields the rows of a query.

        Raises:
            CollectionError: BigQuery refused the query or went away.
        """
        with told():
            for row in self._result(sql):
                yield row.values()

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def cost(self) -> Cost:
        """Returns the bytes that were read and billed so far."""
        return Cost(self._bytes_scanned, self._bytes_billed)

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()  # type: ignore[no-untyped-call]

    def _result(self, sql: str) -> Any:
        seconds = max(self._deadline - time.monotonic(), 1)
        config = bigquery.QueryJobConfig(labels=dict(LABELS), use_query_cache=True, job_timeout_ms=int(seconds * 1_000))
        if self._budget is not None:
            left = self._budget - self._bytes_billed
            self._keep_to(left, self._estimate(sql))
            config.maximum_bytes_billed = left
        job = self.client.query(sql, job_config=config, timeout=HTTP_TIMEOUT_SECONDS, retry=RETRY)
        result = job.result(timeout=seconds)
        self._bytes_scanned += job.total_bytes_processed or 0
        self._bytes_billed += job.total_bytes_billed or 0
        return result

    def _estimate(self, sql: str) -> int:
        """Returns what a query will be billed for, by a dry run, which is free."""
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
        job = self.client.query(sql, job_config=config, timeout=HTTP_TIMEOUT_SECONDS, retry=RETRY)
        scanned = job.total_bytes_processed or 0
        return max(scanned, LEAST_BYTES_BILLED * len(job.referenced_tables)) if scanned else 0

    def _keep_to(self, left: int, estimate: int) -> None:
        if estimate > left:
            raise BudgetExceededError(
                f"stopped before spending more than maximum_bytes_billed = {self._budget:,}: {self._bytes_billed:,} "
                f"bytes were billed and the next query needs {estimate:,}. Raise it in the destination's entry in "
                'destinations, leave datasets out by exclude_datasets, or set row_counts to "metadata"'
            )


class BigQueryCatalogue:
    """What BigQuery tells of a project's datasets and tables for free.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self._connection = connection
        self._client = connection.client
        self._locations: dict[str, str] = {}
        self._tables: list[Row] = []

    def location_of(self, dataset_name: str) -> str:
        """Returns the location of a dataset."""
        return self._locations[dataset_name]

    def system_columns(self, ask: Ask, _: Sequence[str]) -> Iterator[Row]:
        """Yields dlt's system tables, each with an empty column: columns are asked for where a table changed."""
        with told():
            listed = list(self._client.list_datasets(timeout=HTTP_TIMEOUT_SECONDS, retry=RETRY))
        # The API tells the location, the library has no property for it.
        self._locations = {item.dataset_id: item._properties.get("location", "") for item in listed}
        refused: list[str] = []
        branches = [Branch(self._dataset(name), None, "__TABLES__", self._tables_of(name)) for name in self._locations]
        told_of = lambda branch, _: refused.append(branch.dataset.name)  # noqa: E731
        self._tables = list(read_branches(branches, ask, told_of, DIALECT.max_branches))
        names = set(SYSTEM_TABLES.values())
        for dataset_name, table_name, changed_at, *_ in self._tables:
            if table_name.lower() in names:
                yield dataset_name, table_name, "", True, changed_at
        for dataset_name in refused:
            yield from self._refused_tables(dataset_name)

    def statistics(self, _: Ask, dataset_names: Sequence[str]) -> Iterator[Row]:
        """Yields the sizes of the tables of datasets, as they were when they were listed."""
        names = set(dataset_names)
        for dataset_name, table_name, _, row_count, byte_count, kind in self._tables:
            if kind == BASE_TABLE and dataset_name in names:
                yield dataset_name, table_name, row_count, byte_count

    def user_columns(self, ask: Ask, dataset_names: Sequence[str]) -> Iterator[Row]:
        """Yields the columns that link rows to loads; the one question to the catalogue that is billed."""
        tables = {(row[0], row[1]) for row in self._tables if row[5] == BASE_TABLE}
        branches = [
            Branch(
                self._dataset(name),
                None,
                "INFORMATION_SCHEMA.COLUMNS",
                f"select table_schema as dataset_name, table_name, column_name from {self._connection.quote(name)}."
                f"INFORMATION_SCHEMA.COLUMNS where lower(column_name) in ({LINK_NAMES})",
            )
            for name in dataset_names
        ]
        found = read_branches(branches, ask, _pass_over_missing, DIALECT.max_branches)
        yield from (row for row in found if row[:2] in tables)

    def kept_columns(self, _: Ask, dataset_names: Sequence[str]) -> Iterator[Row]:
        """Yields the columns of tables that may hold kept traces, by the names of what is nested in them."""
        for dataset_name in dataset_names:
            names = {row[1] for row in self._tables if row[0] == dataset_name}
            found = self.columns_of([(dataset_name, name) for name in kept_names(names)])
            for table, columns in found.items():
                if not isinstance(columns, CollectionError):
                    yield from ((*table, column) for column in columns)

    def columns_of(self, tables: Sequence[TableNames]) -> Mapping[TableNames, Sequence[str] | CollectionError]:
        """Returns the columns of tables, or why they are not known."""
        with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
            return dict(zip(tables, pool.map(self._columns, tables), strict=True))

    def _columns(self, names: TableNames) -> Sequence[str] | CollectionError:
        reference = bigquery.DatasetReference(self._client.project, names[0]).table(names[1])
        try:
            with told():
                table = self._client.get_table(reference, timeout=HTTP_TIMEOUT_SECONDS, retry=RETRY)
        except (TableMissingError, DestinationForbiddenError) as error:
            return error
        return [field.name for field in table.schema]

    def _dataset(self, name: str) -> Dataset:
        return Dataset(name, location=self._locations[name])

    def _tables_of(self, dataset_name: str) -> str:
        settled = f"last_modified_time < unix_millis(current_timestamp()) - {SETTLED_SECONDS * 1_000}"
        # What a view shows changes with other tables, so that its own change says nothing.
        return (
            f"select dataset_id, table_id, if({settled} and type = {BASE_TABLE}, "
            f"cast(last_modified_time as string), null) as changed_at, row_count, size_bytes, type "
            f"from {self._connection.quote(dataset_name)}.`__TABLES__`"
        )

    def _refused_tables(self, dataset_name: str) -> Iterable[Row]:
        """Returns the loads table of a dataset that may be listed but not read; nothing where it holds none."""
        try:
            with told():
                reference = bigquery.DatasetReference(self._client.project, dataset_name)
                listed = self._client.list_tables(reference, timeout=HTTP_TIMEOUT_SECONDS, retry=RETRY)
                names = [table.table_id for table in listed]
        except TableMissingError:
            return []
        except DestinationForbiddenError:
            # Nobody can tell whether it holds loads: better told of in vain than missed.
            names = [SYSTEM_TABLES["loads"]]
        return [(dataset_name, name, "", False, None) for name in names if name.lower() == SYSTEM_TABLES["loads"]]


def connect(config: Any, settings: DestinationSettings) -> SqlWarehouse:
    """Opens a BigQuery destination for reading.

    Args:
        config: dlt's resolved configuration of it.
        settings: How it is observed.

    Returns:
        The open warehouse.
    """
    project = config.project_id or config.credentials.project_id
    with told():
        client = bigquery.Client(project, credentials=config.credentials.to_native_credentials())
    connection = BigQueryConnection(client, settings)
    found = BigQueryCatalogue(connection)
    return SqlWarehouse(
        connection,
        Catalogue(
            system_columns=found.system_columns,
            statistics=found.statistics,
            user_columns=found.user_columns,
            is_estimate=False,
            columns_of=found.columns_of,
            kept_columns=found.kept_columns,
            location_of=found.location_of,
        ),
        DIALECT,
    )


@contextmanager
def told() -> Iterator[None]:
    """Turns an error of Google's client into one that says what went wrong."""
    try:
        yield
    except api.GoogleAPIError as error:
        raise _translated(error) from None
    except auth.TransportError as error:
        raise DestinationInterruptedError(f"the connection broke off ({type(error).__name__}). Run again") from None
    except auth.GoogleAuthError as error:
        raise DestinationUnreachableError(
            f"Google refused the credentials ({_line(str(error.args[0] if error.args else error))}). Check that the "
            "key in .dlt/secrets.toml is right, and has neither expired nor been deleted"
        ) from None
    except requests.RequestException as error:
        raise DestinationInterruptedError(f"the connection broke off ({type(error).__name__}). Run again") from None
    except TimeoutError:
        raise CollectionError(
            "a query took longer than timeout_seconds allows. Raise it in the destination's entry in destinations"
        ) from None


def _translated(error: api.GoogleAPIError) -> CollectionError:
    reason, words = _reason(error), _line(getattr(error, "message", str(error)))
    if reason == "bytesBilledLimitExceeded" or "bytes billed" in words:
        return BudgetExceededError(f"{words}. Raise maximum_bytes_billed in the destination's entry in destinations")
    if reason == "quotaExceeded":
        return BudgetExceededError(f"{words}. Raise the project's quota, or wait for its next interval")
    if isinstance(error, (api.ServerError, api.RetryError, api.TooManyRequests)) or reason == "rateLimitExceeded":
        return DestinationInterruptedError(f"BigQuery could not answer for now ({words}). Run again")
    if isinstance(error, api.NotFound) or "Unrecognized name" in words:
        return TableMissingError(words)
    if isinstance(error, api.Forbidden):
        return DestinationForbiddenError(f"{words}. Grant it the roles that docs/destinations.md names")
    return CollectionError(words)


def _reason(error: api.GoogleAPIError) -> str:
    """Returns Google's word for the kind of error."""
    details: Sequence[Any] = getattr(error, "errors", ())
    first = details[0] if details else {}
    return str(first.get("reason", "")) if isinstance(first, Mapping) else ""


def _line(words: str) -> str:
    """Returns the server's own words on one line, without the job's id and address."""
    return " ".join(words.split("\n\nLocation:", maxsplit=1)[0].split())[:300].rstrip(".")


def _pass_over_missing(_: Branch, error: CollectionError) -> None:
    """Raises what is wrong with a dataset, unless it is gone, which is told where its loads are read."""
    if not isinstance(error, TableMissingError):
        raise error
