"""Events of OpenLineage, by the official client's classes: the same rows make the same events, to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import attr
import orjson
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    RunEvent,
    RunState,
    StaticDataset,
    set_producer,
)
from openlineage.client.event_v2 import Run as EventRun
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    RunFacet,
    column_lineage_dataset,
    documentation_dataset,
    documentation_job,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    tags_dataset,
    tags_run,
)

from meta_pipeline.export.marts import Column, ColumnEdge, DbtNode, Load, Pipeline, Run
from meta_pipeline.export.naming import Dataset

PRODUCER = "https://github.com/meta-pipeline/meta-pipeline"
RUN_IDS = UUID("5d1ea4e2-6b0f-5a37-9b0e-0f6c8a7d2f11")
"""Namespace of the ids of runs; another one would make every run that was ever exported a second one."""

ANNOTATION = "x-annotation-"

_STATES = {
    "succeeded": RunState.COMPLETE,
    "empty": RunState.COMPLETE,
    "with_failed_jobs": RunState.FAIL,
    "failed": RunState.FAIL,
    "interrupted": RunState.ABORT,
    "unfinished": RunState.ABORT,
}
# How the standard calls what becomes of a value.
_TRANSFORMATIONS = {
    "identity": ("DIRECT", "IDENTITY"),
    "derived": ("DIRECT", "TRANSFORMATION"),
    "aggregated": ("DIRECT", "AGGREGATION"),
    "filter": ("INDIRECT", "FILTER"),
}

# The library's own way: else each event and each facet would have to be told.
set_producer(PRODUCER)

Event = RunEvent | JobEvent | DatasetEvent
DatasetFacets = Mapping[str, DatasetFacet]
Written = tuple[Dataset, int | None, DatasetFacets]
"""A dataset that was written, its rows, and what is told of it."""


def events_of_run(run: Run, namespace: str, inputs: Sequence[Dataset], outputs: Sequence[Written]) -> list[RunEvent]:
    """Returns the start of a captured run and, where it has ended, its end.

    Args:
        run: The run.
        namespace: Namespace of jobs.
        inputs: What it read.
        outputs: What it wrote.
    """
    name = job_name(run.destination_name, run.dataset_name, run.pipeline_name)
    job = _pipeline_job(namespace, name)
    facets = _facets_of_run(run)
    run_id = run_uuid("run", run.run_id)
    events = [_run_event(RunState.START, run.started_at, run_id, facets, job)]
    state = _STATES.get(run.outcome or "")
    if state is None:
        return events
    message = _message(run) if state is not RunState.COMPLETE else None
    if message:
        error = error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="python")
        facets = {**facets, "errorMessage": error}
    ended_at = max(run.started_at, run.finished_at or run.started_at)
    return [*events, _run_event(state, ended_at, run_id, facets, job, inputs, outputs)]


def events_of_load(load: Load, namespace: str, inputs: Sequence[Dataset], outputs: Sequence[Written]) -> list[RunEvent]:
    """Returns the start and the end of the run that a load stands for.

    Args:
        load: A load that no captured run is known of.
        namespace: Namespace of jobs.
        inputs: What is read to make the tables.
        outputs: The tables.
    """
    schema = (load.schema_name or "") if load.pipeline_name is None else None
    job = _pipeline_job(
        namespace, job_name(load.destination_name, load.dataset_name, load.pipeline_name, schema=schema)
    )
    facets: dict[str, RunFacet] = {"tags": _run_tags({"load_id": load.load_id, "attribution": load.attribution})}
    run_id = run_uuid("load", load.destination_name, load.dataset_name, load.load_id)
    state = RunState.COMPLETE if load.is_complete else RunState.FAIL
    started_at = min(load.started_at or load.committed_at, load.committed_at)
    return [
        _run_event(RunState.START, started_at, run_id, facets, job),
        _run_event(state, load.committed_at, run_id, facets, job, inputs, outputs),
    ]


def event_of_pipeline(
    pipeline: Pipeline, namespace: str, inputs: Sequence[Dataset], outputs: Sequence[Dataset]
) -> JobEvent | None:
    """Returns what a pipeline reads and writes, whatever ran; None where it never loaded.

    Args:
        pipeline: The pipeline.
        namespace: Namespace of jobs.
        inputs: What is read to make its tables.
        outputs: Its tables.
    """
    if pipeline.last_possible_load_at is None:
        return None
    schema = (pipeline.schema_names or "") if pipeline.pipeline_name is None else None
    name = job_name(pipeline.destination_name, pipeline.dataset_name, pipeline.pipeline_name, schema=schema)
    return JobEvent(
        eventTime=_time(pipeline.last_possible_load_at),
        job=_pipeline_job(namespace, name),
        inputs=_inputs(inputs),
        outputs=[_output(item, None, {}) for item in outputs],
    )


def event_of_dbt(
    dbt_node: DbtNode, namespace: str, inputs: Sequence[Dataset], output: Dataset | None, facets: DatasetFacets
) -> JobEvent:
    """Returns what dbt makes a model, seed, snapshot or exposure of.

    Args:
        dbt_node: What dbt says of it.
        namespace: Namespace of jobs.
        inputs: What it is made of.
        output: Its table or view; None where it has none.
        facets: What is told of that.
    """
    kind = dbt_node.unique_id.split(".")[0].upper()
    job_facets: dict[str, JobFacet] = {"jobType": job_type_job.JobTypeJobFacet("BATCH", "DBT", kind)}
    if dbt_node.description:
        job_facets["documentation"] = documentation_job.DocumentationJobFacet(dbt_node.description)
    return JobEvent(
        eventTime=_time(dbt_node.changed_at),
        job=Job(namespace, f"dbt.{dbt_node.project_name}.{dbt_node.unique_id}", job_facets),
        inputs=_inputs(inputs),
        outputs=[_output(output, None, facets)] if output else [],
    )


def event_of_dataset(dataset: Dataset, changed_at: datetime, facets: DatasetFacets) -> DatasetEvent:
    """Returns what is told of a dataset, whatever ran.

    Args:
        dataset: The dataset.
        changed_at: When it was written last.
        facets: What is told of it.
    """
    told = StaticDataset(dataset.namespace, dataset.name, facets=dict(facets))
    return DatasetEvent(eventTime=_time(changed_at), dataset=told)


def dataset_facets(
    columns: Sequence[Column],
    lineage: Sequence[tuple[ColumnEdge, Dataset]],
    description: str | None,
    dataset_tags: Sequence[str],
    tag_source: str,
) -> dict[str, DatasetFacet]:
    """Returns what is told of a dataset.

    Args:
        columns: Its columns, in their order.
        lineage: What they are made of, and the dataset of each.
        description: What its authors say of it.
        dataset_tags: Tags of the dataset as a whole.
        tag_source: Where tags come from.
    """
    facets: dict[str, DatasetFacet] = {}
    if columns:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            [
                schema_dataset.SchemaDatasetFacetFields(item.name, item.data_type, item.description, position, None)
                for position, item in enumerate(columns, start=1)
            ]
        )
    if description:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(description)
    if lineage:
        facets["columnLineage"] = _column_lineage(lineage)
    tags = [tags_dataset.TagsDatasetFacetFields(tag, "true", tag_source) for tag in dataset_tags]
    for column in columns:
        tags += [
            tags_dataset.TagsDatasetFacetFields(key, value, tag_source, column.name) for key, value in tags_of(column)
        ]
    if tags:
        facets["tags"] = tags_dataset.TagsDatasetFacet(tags)
    return facets


def tags_of(column: Column) -> list[tuple[str, str]]:
    """Returns the tags of a column: dbt's tags and meta, and dlt's annotations by what stands behind their prefix.

    Args:
        column: The column.
    """
    hints, meta = (json.loads(text) if text else {} for text in (column.hints, column.meta))
    annotated = {key.removeprefix(ANNOTATION): value for key, value in hints.items() if key.startswith(ANNOTATION)}
    said = {**dict.fromkeys(json_list(column.tags), True), **meta, **annotated}
    if column.pii_status:
        # A suggestion has to be accepted by somebody first.
        said |= {"pii": True} if column.pii_status in ("declared", "inherited") and not said.get("pii") else {}
        said["pii_status"] = column.pii_status
    return [(key, _tag_value(value)) for key, value in sorted(said.items()) if value not in (None, False)]


def json_list(text: str | None) -> list[str]:
    """Returns a list of texts that is stored as JSON.

    Args:
        text: The JSON; None for none.
    """
    return [str(item) for item in json.loads(text)] if text else []


def job_name(*parts: str | None, schema: str | None = None) -> str:
    """Returns the name of a pipeline's job.

    Args:
        parts: Destination, dataset and pipeline, as far as they are known.
        schema: The schema of loads that no pipeline accounts for.
    """
    unknown = [] if schema is None else ["unattributed", schema]
    return ".".join(["dlt", *(part for part in (*parts, *unknown) if part)])


def run_uuid(*parts: str) -> str:
    """Returns the id of a run: of the same parts always the same.

    Args:
        parts: What the run is known by.
    """
    return str(uuid5(RUN_IDS, json.dumps(parts, ensure_ascii=False)))


def as_line(event: Event) -> bytes:
    """Returns an event as a line of JSON, its keys in order: what the client itself makes, in a fraction of the time.

    Args:
        event: The event.
    """
    return orjson.dumps(event, default=_told_fields, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def subject_of(event: Mapping[str, Any]) -> str:
    """Returns what an event is about, for messages.

    Args:
        event: The event, as it is sent.
    """
    if "dataset" in event:
        return f"dataset {event['dataset']['namespace']} {event['dataset']['name']}"
    job = f"job {event['job']['name']}"
    return f"{event['eventType']} of {job} at {event['eventTime']}" if "run" in event else job


def _run_event(
    state: RunState,
    moment: datetime,
    run_id: str,
    facets: Mapping[str, RunFacet],
    job: Job,
    inputs: Sequence[Dataset] = (),
    outputs: Sequence[Written] = (),
) -> RunEvent:
    return RunEvent(
        eventType=state,
        eventTime=_time(moment),
        run=EventRun(run_id, dict(facets)),
        job=job,
        inputs=_inputs(inputs),
        outputs=[_output(*item) for item in sorted(outputs, key=lambda item: (item[0].namespace, item[0].name))],
    )


def _inputs(datasets: Sequence[Dataset]) -> list[InputDataset]:
    return [InputDataset(item.namespace, item.name, None, facets=None) for item in datasets]


def _output(dataset: Dataset, row_count: int | None, facets: DatasetFacets) -> OutputDataset:
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=row_count)
    return OutputDataset(
        dataset.namespace,
        dataset.name,
        facets=dict(facets) or None,
        outputFacets=None if row_count is None else {"outputStatistics": statistics},
    )


def _facets_of_run(run: Run) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {}
    if run.dlt_version:
        facets["processing_engine"] = processing_engine_run.ProcessingEngineRunFacet(run.dlt_version, "dlt")
    if run.orchestrator and run.job and run.orchestrator_run_id:
        parent = run_uuid("orchestrator", run.orchestrator, run.job, run.orchestrator_run_id)
        facets["parent"] = parent_run.ParentRunFacet(
            parent_run.Run(parent), parent_run.Job(namespace=run.orchestrator, name=run.job)
        )
    facets["tags"] = _run_tags(
        {
            "dlt_run_id": run.run_id,
            "outcome": run.outcome,
            "orchestrator": run.orchestrator,
            "run_url": run.run_url,
            "attempt": None if run.attempt is None else str(run.attempt),
        }
    )
    return facets


def _run_tags(values: Mapping[str, str | None]) -> RunFacet:
    return tags_run.TagsRunFacet(
        [tags_run.TagsRunFacetFields(key, value, "DLT") for key, value in values.items() if value]
    )


def _message(run: Run) -> str | None:
    """Returns what went wrong, in the words that were kept when it was captured."""
    told = ": ".join(part for part in (run.exception_type, run.message) if part)
    if told:
        return told
    if run.failed_job_count:
        table = f", the first of table {run.failed_table}" if run.failed_table else ""
        return f"Load jobs failed: {run.failed_job_count}{table}"
    return "It never ended." if run.outcome == "unfinished" else None


def _column_lineage(lineage: Sequence[tuple[ColumnEdge, Dataset]]) -> DatasetFacet:
    """Returns the facet; a column that is used in several ways is one input with several transformations."""
    grouped: dict[str, dict[tuple[str, str, str], list[column_lineage_dataset.Transformation]]] = {}
    for edge, source in lineage:
        kind, subtype = _TRANSFORMATIONS[edge.transformation]
        transformation = column_lineage_dataset.Transformation(kind, subtype, edge.functions or None, edge.is_masked)
        inputs = grouped.setdefault(edge.to_column, {})
        inputs.setdefault((source.namespace, source.name, edge.from_column), []).append(transformation)
    fields = {
        column: [column_lineage_dataset.InputField(*source, found) for source, found in inputs.items()]
        for column, inputs in grouped.items()
    }
    whole = fields.pop("*", [])
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        {column: column_lineage_dataset.Fields(inputs) for column, inputs in fields.items()}, whole or None
    )


def _told_fields(value: Any) -> dict[str, Any]:
    """Returns the fields of one of the client's objects that say something."""
    kind: Any = type(value)
    return {name: said for name in _names_of(kind) if (said := getattr(value, name)) is not None}


@cache
def _names_of(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in attr.fields(kind))


# Of a pipeline it is the same for all its runs.
@cache
def _pipeline_job(namespace: str, name: str) -> Job:
    return Job(namespace, name, {"jobType": job_type_job.JobTypeJobFacet("BATCH", "DLT", "PIPELINE")})


def _tag_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
