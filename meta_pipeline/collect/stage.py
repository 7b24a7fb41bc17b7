"""The collecting stage: runs the source into the observability dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.destinations.sql_client import SqlClientBase
from dlt.pipeline.exceptions import PipelineStepFailed

from meta_pipeline.collect import dlt_metadata
from meta_pipeline.collect.outcomes import INTENDED
from meta_pipeline.config import SECTION, SOURCE_KEYS, parse_settings, read_settings
from meta_pipeline.exceptions import ConfigurationError, HomeError, MetaPipelineError
from meta_pipeline.home import HOME_DESTINATION, RAW_DATASET, Home, unopened

PIPELINE_NAME = "meta_pipeline"
KEPT_STATES = 10

_OWN_CONFIG = {
    # Else the staging dataset keeps a second copy of what came last.
    f"{PIPELINE_NAME}.load.truncate_staging_dataset": True,
    # The cursors live in the dataset, which is always the same; the configuration may say otherwise for pipelines of
    # one's own.
    f"{PIPELINE_NAME}.restore_from_destination": True,
    f"{PIPELINE_NAME}.dev_mode": False,
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
class CollectResult:
    """What a collection did.

    Args:
        coverage: How each dataset ended.
        rows_read: Rows read from the destinations.
        problems: What is wrong with the settings without keeping the rest from being used.
    """

    coverage: Sequence[DatasetCoverage]
    rows_read: int
    problems: Sequence[str]

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
    with tempfile.TemporaryDirectory(prefix="meta_pipeline_") as working_folder, dlt.config.values(_OWN_CONFIG):
        pipeline = dlt.pipeline(
            PIPELINE_NAME,
            destination=dlt.destinations.duckdb(home.database, destination_name=HOME_DESTINATION),
            dataset_name=RAW_DATASET,
            pipelines_dir=working_folder,
        )
        try:
            info = pipeline.run(dlt_metadata(**{key: raw[key] for key in SOURCE_KEYS if key in raw}))
            with pipeline.sql_client() as client:
                coverage, rows_read = _read_coverage(client, info.loads_ids)
                _forget_old_states(client)
        except PipelineStepFailed as error:
            raise _home_error(error, home) from error
        except ConfigurationException as error:
            raise ConfigurationError(f"[{'.'.join(SECTION)}] is not usable: {error}") from error
        except DestinationConnectionError as error:
            raise unopened(home, str(error)) from error
    return CollectResult(coverage, rows_read, settings.problems)


def _read_coverage(client: SqlClientBase[Any], load_ids: Sequence[str]) -> tuple[list[DatasetCoverage], int]:
    """Reads back what the collection that has just run stored of itself."""
    marks = ", ".join(["%s"] * len(load_ids))
    rows = client.execute_sql(
        "select destination_name, dataset_name, outcome, error "
        f"from {client.make_qualified_table_name('coverage')} where _dlt_load_id in ({marks}) order by 1, 2",
        *load_ids,
    )
    read = client.execute_sql(
        f"select coalesce(sum(row_count), 0) from {client.make_qualified_table_name('collections')} "
        f"where _dlt_load_id in ({marks})",
        *load_ids,
    )
    return [DatasetCoverage(*row) for row in rows or ()], int(read[0][0]) if read else 0


def _forget_old_states(client: SqlClientBase[Any]) -> None:
    """Deletes all but the last few states of this pipeline, each of which holds all cursors; dlt reads the last."""
    table = client.make_qualified_table_name(PIPELINE_STATE_TABLE_NAME)
    client.execute_sql(
        f"delete from {table} where pipeline_name = %s and version < (select max(version) from {table}) - %s",
        PIPELINE_NAME,
        KEPT_STATES,
    )


def _home_error(error: PipelineStepFailed, home: Home) -> MetaPipelineError:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, MetaPipelineError):
            return cause
        if isinstance(cause, DestinationConnectionError):
            return unopened(home, str(cause))
        cause = cause.__cause__ or cause.__context__
    reason = str(error.exception).strip().splitlines()
    return HomeError(
        f"the observability dataset in {home.database} could not be written, at step {error.step}: "
        f"{reason[0] if reason else type(error.exception).__name__}. Nothing is lost: run again"
    )
