"""Exports runs, jobs, datasets and their lineage as events of OpenLineage."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from openlineage.client.facet_v2 import DatasetFacet

from meta_pipeline.export import delivery, marts
from meta_pipeline.export.catalogue import Catalogue
from meta_pipeline.export.events import (
    Event,
    Written,
    as_line,
    dataset_facets,
    event_of_dataset,
    event_of_dbt,
    event_of_pipeline,
    events_of_load,
    events_of_run,
    json_list,
)
from meta_pipeline.export.marts import DbtNode, Output
from meta_pipeline.export.places import address_of
from meta_pipeline.export.settings import ExportSettings
from meta_pipeline.home import Home, Session, open_home

STANDARD_OUTPUT = "-"

NODES_A_BATCH = 500


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Args:
        events: How many events were written, or taken by the server.
        made: How many were made, by what they are: runs, jobs, datasets.
        up_to: What `--since` next time, so that only what is new then is exported; where not everything was taken, the
            one of this time.
        unknown_places: Destinations and dbt projects that no address is known of, so that their tables are named by
            their own names.
        problems: What could not be done.
    """

    events: int
    made: Mapping[str, int]
    up_to: datetime | None
    unknown_places: Sequence[str]
    problems: Sequence[str]


def export_openlineage(
    home: Home, settings: ExportSettings, *, out: str | None, url: str | None, since: datetime | None
) -> ExportResult:
    """Exports what the marts hold.

    Events are put aside first: nobody waits for the home while a server takes its time, and a file is written whole.

    Args:
        home: Where the marts live.
        settings: How events are exported.
        out: The file to write, or ``-`` for standard output; None where they are sent.
        url: The server; None where they are written.
        since: Only runs and loads that a later transform wrote, and what they wrote to.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there, show the past, or the home cannot be opened.
        ExportError: The file cannot be written.
    """
    with TemporaryFile() as aside:
        with open_home(home) as session:
            built_at = marts.require_present(session, home)
            exporter = _Exporter(session, settings, since)
            made = _write(exporter.events(), aside)
        aside.seek(0)
        delivered = _deliver(aside, sum(made.values()), settings, out, url)
    up_to = since if delivered.problems else built_at
    return ExportResult(delivered.count, made, up_to, exporter.catalogue.unknown_places, delivered.problems)


def _write(events: Iterable[Event], aside: IO[bytes]) -> dict[str, int]:
    counts: Counter[str] = Counter({"runs": 0, "jobs": 0, "datasets": 0})
    for event in events:
        counts[_KINDS[type(event).__name__]] += 1
        aside.write(as_line(event))
    return dict(counts)


_KINDS = {"RunEvent": "runs", "JobEvent": "jobs", "DatasetEvent": "datasets"}


def _deliver(
    aside: IO[bytes], count: int, settings: ExportSettings, out: str | None, url: str | None
) -> delivery.Delivery:
    if url:
        return delivery.send(aside, url, settings.token)
    if out and out != STANDARD_OUTPUT:
        delivery.write_file(aside, Path(out))
    else:
        shutil.copyfileobj(aside, sys.stdout.buffer)
        sys.stdout.flush()
    return delivery.Delivery(count)


class _Exporter:
    """Makes the events.

    Args:
        session: An open session of the home.
        settings: How events are exported.
        since: Only what a later transform wrote; None for all.
    """

    def __init__(self, session: Session, settings: ExportSettings, since: datetime | None) -> None:
        self._session = session
        self._namespace = settings.namespace
        self._since = since
        self._fleet = marts.read_fleet(session)
        self._descriptions = {item.relation_id: item.description for item in self._fleet.tables}
        # Tables and pipelines of which something was exported.
        self._touched: set[str] = set()
        self.catalogue = Catalogue(self._fleet, settings.namespaces, address_of)

    def events(self) -> Iterator[Event]:
        """Yields all events: of runs and loads in the order of their time, then what is known whatever ran."""
        yield from self._run_events()
        yield from self._load_events()
        yield from self._pipeline_events()
        yield from self._dbt_events()
        yield from self._dataset_events()

    def _run_events(self) -> Iterator[Event]:
        for page in marts.runs(self._session, self._since):
            outputs = marts.outputs_of_runs(self._session, page)
            facets = self._facets_of_last(output for run in page for output in outputs.get(run.run_id, ()))
            for run in page:
                written = outputs.get(run.run_id, [])
                self._touch(run.pipeline_id, written)
                inputs = self.catalogue.read_by(output.relation_id for output in written)
                yield from events_of_run(run, self._namespace, inputs, self._written(written, facets))

    def _load_events(self) -> Iterator[Event]:
        for page in marts.loads(self._session, self._since):
            outputs = marts.outputs_of_loads(self._session, page)
            keys = [(load.destination_name, load.dataset_name, load.load_id) for load in page]
            facets = self._facets_of_last(output for key in keys for output in outputs.get(key, ()))
            for load, key in zip(page, keys, strict=True):
                written = outputs.get(key, [])
                self._touch(load.pipeline_id, written)
                inputs = self.catalogue.read_by(output.relation_id for output in written)
                yield from events_of_load(load, self._namespace, inputs, self._written(written, facets))

    def _pipeline_events(self) -> Iterator[Event]:
        key = {item.pipeline_id: item for item in self._fleet.pipelines}
        for pipeline_id in sorted(key):
            if self._is_left_out(pipeline_id):
                continue
            tables = self.catalogue.tables_of(key[pipeline_id])
            self._touched.update(tables)
            event = event_of_pipeline(
                key[pipeline_id], self._namespace, self.catalogue.read_by(tables), self.catalogue.datasets(tables)
            )
            if event:
                yield event

    def _dbt_events(self) -> Iterator[Event]:
        built = [item for item in self.catalogue.built_by_dbt() if self._is_new(item[1])]
        for start in range(0, len(built), NODES_A_BATCH):
            batch = built[start : start + NODES_A_BATCH]
            facets = self._facets(node.node_id for node, _ in batch)
            for node, dbt_node in batch:
                yield event_of_dbt(
                    dbt_node,
                    self._namespace,
                    self.catalogue.made_of(node.node_id),
                    self.catalogue.dataset(node.node_id),
                    facets[node.node_id],
                )

    def _dataset_events(self) -> Iterator[Event]:
        moments = self._moments()
        ids = sorted(node_id for node_id in moments if not self._is_left_out(node_id))
        for start in range(0, len(ids), NODES_A_BATCH):
            batch = ids[start : start + NODES_A_BATCH]
            facets = self._facets(batch)
            for node_id in batch:
                dataset = self.catalogue.dataset(node_id)
                if dataset and facets[node_id]:
                    yield event_of_dataset(dataset, moments[node_id], facets[node_id])

    def _moments(self) -> dict[str, datetime]:
        """Returns when each observed table was written last; where that was not counted, when its pipeline loaded."""
        found: dict[str, datetime] = {}
        for pipeline in self._fleet.pipelines:
            if loaded_at := pipeline.last_possible_load_at:
                for relation_id in self.catalogue.tables_of(pipeline):
                    found[relation_id] = max(found.get(relation_id, loaded_at), loaded_at)
        known = {item.relation_id for item in self._fleet.tables}
        return {**found, **{key: moment for key, moment in self._fleet.last_written.items() if key in known}}

    def _touch(self, pipeline_id: str | None, written: Sequence[Output]) -> None:
        self._touched.update(output.relation_id for output in written)
        if pipeline_id:
            self._touched.add(pipeline_id)

    def _is_new(self, dbt_node: DbtNode) -> bool:
        if self._since is None:
            return True
        collected_at = self._fleet.dbt_collected.get((dbt_node.project_name, dbt_node.unique_id))
        return collected_at is None or collected_at > self._since

    def _is_left_out(self, key: str) -> bool:
        return self._since is not None and key not in self._touched

    def _written(self, outputs: Sequence[Output], facets: Mapping[str, Mapping[str, DatasetFacet]]) -> list[Written]:
        named = [(self.catalogue.dataset(output.relation_id), output) for output in outputs]
        return [
            (dataset, output.row_count, facets.get(output.relation_id, {}) if self._is_last(output) else {})
            for dataset, output in named
            if dataset
        ]

    def _is_last(self, output: Output) -> bool:
        return self._fleet.last_written.get(output.relation_id) == output.committed_at

    def _facets_of_last(self, outputs: Iterable[Output]) -> dict[str, dict[str, DatasetFacet]]:
        """Returns what is told of tables by the run that wrote to them last: that it was so before, nobody knows."""
        return self._facets(output.relation_id for output in outputs if self._is_last(output))

    def _facets(self, node_ids: Iterable[str]) -> dict[str, dict[str, DatasetFacet]]:
        wanted = sorted(set(node_ids))
        columns = marts.columns_of_tables(self._session, wanted)
        lineage = marts.column_edges(self._session, wanted)
        dbt_nodes = {node_id: found for node_id in wanted if (found := self.catalogue.dbt_node(node_id))}
        dbt_columns = marts.columns_of_dbt(self._session, list(dbt_nodes.values()))
        statuses = marts.pii_statuses(self._session, wanted)
        facets = {}
        for node_id in wanted:
            sources = [(edge, self.catalogue.dataset(edge.from_node_id)) for edge in lineage.get(node_id, ())]
            dbt_node = dbt_nodes.get(node_id)
            key = (dbt_node.project_name, dbt_node.unique_id) if dbt_node else None
            own = columns.get(node_id) or (dbt_columns[key] if key else [])
            facets[node_id] = dataset_facets(
                [replace(item, pii_status=statuses.get((node_id, item.name.lower()))) for item in own],
                [(edge, dataset) for edge, dataset in sources if dataset],
                self._descriptions.get(node_id) or (dbt_node.description if dbt_node else None),
                json_list(dbt_node.tags) if dbt_node else [],
                "DBT" if dbt_node and node_id not in columns else "DLT",
            )
        return facets
