"""The collecting stage: runs the source into the observability dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.pipeline.exceptions import PipelineStepFailed

from meta_pipeline.collect import dlt_metadata
from meta_pipeline.config import SECTION, parse_settings, read_table
from meta_pipeline.exceptions import ConfigurationError, HomeError, MetaPipelineError
from meta_pipeline.home import HOME_DESTINATION, RAW_DATASET, Home, unopened

PIPELINE_NAME = "meta_pipeline"
READ_OUTCOMES = ("complete", "dev_mode")


@dataclass(frozen=True)
class DatasetCoverage:
    """How the collection of one dataset ended.

    Args:
        destination_name: The destination.
        dataset_name: The dataset; None where the destination was not even listed.
        outcome: One of ``reading.OUTCOMES``.
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
        told = [row.error or row.outcome for row in self.coverage if row.outcome not in READ_OUTCOMES]
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
    problems = parse_settings(read_table(folder, SECTION)).problems if read_table(folder, SECTION) else ()
    with tempfile.TemporaryDirectory(prefix="meta_pipeline_") as working_folder:
        pipeline = dlt.pipeline(
            PIPELINE_NAME,
            destination=dlt.destinations.duckdb(home.database, destination_name=HOME_DESTINATION),
            dataset_name=RAW_DATASET,
            pipelines_dir=working_folder,
        )
        try:
            pipeline.run(dlt_metadata())
            coverage, rows_read = _read_coverage(pipeline)
        except PipelineStepFailed as error:
            raise _home_error(error, home) from error
        except ConfigurationException as error:
            raise ConfigurationError(f"[{'.'.join(SECTION)}] is not usable: {error}") from error
        except DestinationConnectionError as error:
            raise unopened(home, str(error)) from error
    return CollectResult(coverage, rows_read, problems)


def _read_coverage(pipeline: dlt.Pipeline) -> tuple[list[DatasetCoverage], int]:
    """Reads back what the collection that has just run stored of itself."""
    with pipeline.sql_client() as client:
        latest = f"(select max(collected_at) from {client.make_qualified_table_name('collections')})"
        rows = client.execute_sql(
            "select destination_name, dataset_name, outcome, error "
            f"from {client.make_qualified_table_name('coverage')} where collected_at = {latest} order by 1, 2"
        )
        read = client.execute_sql(
            f"select coalesce(sum(row_count), 0) from {client.make_qualified_table_name('collections')} "
            f"where collected_at = {latest}"
        )
    return [DatasetCoverage(*row) for row in rows or ()], int(read[0][0]) if read else 0


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
