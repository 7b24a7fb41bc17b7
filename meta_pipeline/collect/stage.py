"""The collecting stage: runs the source into the observability dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.reference import AnyDestination_CO
from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from meta_pipeline.collect import dlt_metadata
from meta_pipeline.collect.outcomes import INTENDED
from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.config import SECTION, SOURCE_KEYS, parse_settings, read_settings
from meta_pipeline.exceptions import ConfigurationError, HomeError, MetaPipelineError
from meta_pipeline.home import EMBEDDED, HOME_DESTINATION, RAW_DATASET, Home
from meta_pipeline.home.embedded import unopened
from meta_pipeline.home.server import NAMING, home_error, resolve

PIPELINE_NAME = "meta_pipeline"
KEPT_STATES = 10

_TRUNCATE_STAGING = f"{PIPELINE_NAME}.load.truncate_staging_dataset"
_OWN_CONFIG = {
    # The cursors live in the dataset, which is always the same; the configuration may say otherwise for pipelines of
    # one's own.
    f"{PIPELINE_NAME}.restore_from_destination": True,
    f"{PIPELINE_NAME}.dev_mode": False,
    # dbt looks for names that fold to the warehouse's own case.
    f"sources.{SECTION[-1]}.schema.naming": NAMING,
}

_FILE_CONFIG = {
    # Load ids and hashes hardly shrink by it, and trying takes a quarter of the time that writing takes.
    "disabled_compression_methods": "fsst",
}


@dataclass(frozen=True)
class DatasetCoverage:
    """How the collection of one dataset ended.

    Args:
        destination_name: The destination.
        dataset_name: The dataset; None where the destination was not even listed.
        outcome: One of ``outcomes.OUTCOMES``.
        error: What went wrong, where, and what to do next.
    """

    destination_name: str
    dataset_name: str | None
    outcome: str
    error: str | None


@dataclass(frozen=True)
class DestinationReading:
    """What was read from a destination, and at what cost.

    Args:
        destination_name: The destination.
        row_count: Rows that were read.
        bytes_scanned: Bytes that its queries read; None where it does not tell.
        bytes_billed: Bytes that it charges for; None where it does not bill by bytes.
    """

    destination_name: str
    row_count: int
    bytes_scanned: int | None
    bytes_billed: int | None


@dataclass(frozen=True)
class CollectResult:
    """What a collection did.

    Args:
        coverage: How each dataset ended.
        readings: What was read from each destination, and at what cost.
        problems: What is wrong with the settings without keeping the rest from being used.
    """

    coverage: Sequence[DatasetCoverage]
    readings: Sequence[DestinationReading]
    problems: Sequence[str]

    @property
    def rows_read(self) -> int:
        """Returns the rows that were read from all destinations."""
        return sum(reading.row_count for reading in self.readings)

    @property
    def failures(self) -> list[str]:
        """Returns each distinct thing that could not be done, in words."""
        told = [row.error or row.outcome for row in self.coverage if row.outcome not in INTENDED]
        return list(dict.fromkeys([*self.problems, *told]))


def collect(home: Home, folder: Path) -> CollectResult:
    """Collects all configured destinations into the observability dataset.

    dlt's working files live in a folder that goes when the stage ends: all state is in the dataset. A collection that
    was killed leaves cursors where they were, and the next one merges the same rows again.

    Args:
        home: Where the observability dataset lives.
        folder: The working folder, with ``.dlt/``.

    Returns:
        What was collected and what could not be.

    Raises:
        ConfigurationError: The settings are not usable as a whole.
        HomeError: The observability dataset could not be written.
    """
    raw = read_settings(folder)
    settings = parse_settings(raw)
    is_new = home.destination_type == EMBEDDED and not Path(home.database).exists()
    destination, credentials = _destination(home)
    # Else the staging dataset keeps a second copy of what came last; what is only appended never goes through it.
    config = {**_OWN_CONFIG, _TRUNCATE_STAGING: not is_new}
    with tempfile.TemporaryDirectory(prefix="meta_pipeline_") as working_folder, dlt.config.values(config):
        pipeline = dlt.pipeline(
            PIPELINE_NAME,
            destination=destination,
            dataset_name=RAW_DATASET,
            pipelines_dir=working_folder,
        )
        source = dlt_metadata(**{key: raw[key] for key in SOURCE_KEYS if key in raw})
        if is_new:
            _append_only(source)
        try:
            info = pipeline.run(source)
            with pipeline.sql_client() as client:
                coverage = _read_coverage(client, info.loads_ids)
                readings = _read_collections(client, info.loads_ids)
                _forget_old_states(client)
        except PipelineStepFailed as error:
            raise _home_error(error, home, credentials) from error
        except ConfigurationException as error:
            raise ConfigurationError(f"[{'.'.join(SECTION)}] is not usable: {error}") from error
        except DestinationConnectionError as error:
            raise _unopened(error, home, credentials) from error
    return CollectResult(coverage, readings, settings.problems)


def _append_only(source: DltSource) -> None:
    """Spares the first collection the merge: where there is no file, there is nothing to merge with.

    Only for a file, where an insert stands or does not: a server may have done what it could not confirm any more, and
    rows sent again would then stand there twice.
    """
    for table in RAW_TABLES:
        source.resources[table.name].apply_hints(write_disposition="append")


def _read_coverage(client: SqlClientBase[Any], load_ids: Sequence[str]) -> list[DatasetCoverage]:
    """Reads back how the collection that has just run went, by dataset."""
    marks = ", ".join(["%s"] * len(load_ids))
    rows = client.execute_sql(
        "select destination_name, dataset_name, outcome, error "
        f"from {client.make_qualified_table_name('coverage')} where _dlt_load_id in ({marks}) order by 1, 2",
        *load_ids,
    )
    return [DatasetCoverage(*row) for row in rows or ()]


def _read_collections(client: SqlClientBase[Any], load_ids: Sequence[str]) -> list[DestinationReading]:
    """Reads back what the collection that has just run read and cost, by destination."""
    marks = ", ".join(["%s"] * len(load_ids))
    rows = client.execute_sql(
        "select destination_name, row_count, bytes_scanned, bytes_billed "
        f"from {client.make_qualified_table_name('collections')} where _dlt_load_id in ({marks}) order by 1",
        *load_ids,
    )
    return [DestinationReading(*row) for row in rows or ()]


def _forget_old_states(client: SqlClientBase[Any]) -> None:
    """Deletes all but the last few states of this pipeline, each of which holds all cursors; dlt reads the last."""
    table = client.make_qualified_table_name(PIPELINE_STATE_TABLE_NAME)
    client.execute_sql(
        f"delete from {table} where pipeline_name = %s and version < (select max(version) from {table}) - %s",
        PIPELINE_NAME,
        KEPT_STATES,
    )


def _destination(home: Home) -> tuple[AnyDestination_CO, Any]:
    """Returns the home as dlt's destination, and the credentials of a server."""
    if home.destination_type == EMBEDDED:
        # A path alone is taken for a URL first, by SQLAlchemy, wherever that is installed.
        credentials = DuckDbCredentials(home.database)
        credentials.global_config = _FILE_CONFIG
        return dlt.destinations.duckdb(credentials, destination_name=HOME_DESTINATION), None
    resolved = resolve(home)
    return resolved.destination, resolved.config.credentials


def _home_error(error: PipelineStepFailed, home: Home, credentials: Any) -> MetaPipelineError:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, MetaPipelineError):
            return cause
        if isinstance(cause, DestinationConnectionError):
            return _unopened(cause, home, credentials)
        cause = cause.__cause__ or cause.__context__
    if home.destination_type != EMBEDDED and error.step in ("sync", "load"):
        return home_error(home, credentials, error.exception)
    reason = str(error.exception).strip().splitlines()
    return HomeError(
        f"the observability dataset in {home.database} could not be written, at step {error.step}: "
        f"{reason[0] if reason else type(error.exception).__name__}. Nothing is lost: run again"
    )


def _unopened(error: DestinationConnectionError, home: Home, credentials: Any) -> HomeError:
    if home.destination_type == EMBEDDED:
        return unopened(home, str(error))
    return home_error(home, credentials, error)
