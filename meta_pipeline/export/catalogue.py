"""What the nodes of the lineage are called in OpenLineage, and which jobs they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from meta_pipeline.export.marts import DbtNode, Fleet, Node, Pipeline
from meta_pipeline.export.naming import Address, Dataset, Place, place_of, place_of_project, read_from

BUILT_BY_DBT = ("model", "seed", "snapshot", "exposure")

_UNKNOWN_TYPE = "dlt"


class Catalogue:
    """The datasets of a fleet.

    Args:
        fleet: The fleet.
        namespaces: Configured namespaces by destination or dbt project.
        address_of: Finds the address of a destination by its name, dlt's type of it and its database.
    """

    def __init__(
        self,
        fleet: Fleet,
        namespaces: Mapping[str, str],
        address_of: Callable[[str, str, str | None], Address],
    ) -> None:
        self.fleet = fleet
        self._namespaces = namespaces
        self._address_of = address_of
        self._places: dict[str, Place] = {}
        self._project_places: dict[str, Place] = {}

    @property
    def unknown_places(self) -> list[str]:
        """Returns the destinations and dbt projects whose namespace is made of their name, as no address is known."""
        own = {name: place for name, place in self._project_places.items() if place not in self._places.values()}
        return sorted(name for name, place in {**own, **self._places}.items() if not place.is_known)

    def dataset(self, node_id: str) -> Dataset | None:
        """Returns what a node is called; None where it is no dataset.

        Args:
            node_id: The node.
        """
        node = self.fleet.nodes.get(node_id)
        if node is None or node.node_type in ("resource", "exposure"):
            return None
        if node.destination_name and node.table_name:
            return self._place(node.destination_name).table(node.dataset_name or "", node.table_name)
        if node.location:
            name = node.table_name or (node.node_name if node.node_type == "endpoint" else None)
            database = self.fleet.read_databases.get((node.location, node.dataset_name, node.table_name))
            return read_from(node.location, database, node.dataset_name, name)
        project = node.project_name or self._reading_project(node)
        if not project or not node.table_name:
            return None
        place = self._project_place(project)
        return place.relation(node.database_name, node.dataset_name or "", node.table_name)

    def datasets(self, node_ids: Iterable[str]) -> list[Dataset]:
        """Returns what nodes are called, each once and in the order of names.

        Args:
            node_ids: The nodes; those that are no dataset are left out.
        """
        found = {self.dataset(node_id) for node_id in node_ids} - {None}
        return sorted((item for item in found if item), key=lambda item: (item.namespace, item.name))

    def read_by(self, relation_ids: Iterable[str]) -> list[Dataset]:
        """Returns what is read to load tables, as far as captured runs tell.

        Args:
            relation_ids: The tables.
        """
        resources = {resource for relation_id in relation_ids for resource in self._resources(relation_id)}
        return self.datasets(
            source for resource in resources for source, kind in self._parents.get(resource, ()) if kind == "reads"
        )

    def made_of(self, node_id: str) -> list[Dataset]:
        """Returns what dbt makes a node of; what stands for no table is replaced by what that is made of.

        Args:
            node_id: The node.
        """
        found: list[str] = []
        seen: set[str] = {node_id}
        waiting = [node_id]
        while waiting:
            for parent, kind in self._parents.get(waiting.pop(), ()):
                if kind in ("transforms", "exposes") and parent not in seen:
                    seen.add(parent)
                    (found if self.dataset(parent) else waiting).append(parent)
        return self.datasets(found)

    def built_by_dbt(self) -> list[tuple[Node, DbtNode]]:
        """Returns what dbt projects build, in the order of their names."""
        found = [
            (node, self.fleet.dbt_nodes[node.project_name, node.unique_id])
            for node in self.fleet.nodes.values()
            if node.project_name
            and node.unique_id
            and node.unique_id.split(".")[0] in BUILT_BY_DBT
            and (node.project_name, node.unique_id) in self.fleet.dbt_nodes
        ]
        return sorted(found, key=lambda item: (item[1].project_name, item[1].unique_id))

    def dbt_node(self, node_id: str) -> DbtNode | None:
        """Returns what dbt says of a node; None where it does not know it.

        Args:
            node_id: The node.
        """
        node = self.fleet.nodes.get(node_id)
        if node is None or not node.project_name or not node.unique_id:
            return None
        return self.fleet.dbt_nodes.get((node.project_name, node.unique_id))

    def tables_of(self, pipeline: Pipeline) -> list[str]:
        """Returns the tables that a pipeline's schemas declare.

        Args:
            pipeline: The pipeline.
        """
        names = (pipeline.schema_names or "").split(",")
        schemas = {(pipeline.destination_name, pipeline.dataset_name, name.strip()) for name in names}
        return [relation_id for schema in sorted(schemas) for relation_id in self._schema_tables.get(schema, ())]

    def _place(self, destination_name: str) -> Place:
        if destination_name not in self._places:
            kind = self.fleet.types.get(destination_name, _UNKNOWN_TYPE)
            database = self.fleet.databases.get(destination_name)
            address = self._address_of(destination_name, kind, database)
            self._places[destination_name] = place_of(address, self._namespaces.get(destination_name))
        return self._places[destination_name]

    def _project_place(self, project_name: str) -> Place:
        if project_name not in self._project_places:
            names = self._project_destinations.get(project_name, set())
            place = self._place(next(iter(names))) if len(names) == 1 else None
            namespace = self._namespaces.get(project_name)
            self._project_places[project_name] = place_of_project(project_name, place, namespace)
        return self._project_places[project_name]

    def _resources(self, relation_id: str) -> set[str]:
        """Returns the resources that load a table; of a nested one, those of the table that it is nested in."""
        found: set[str] = set()
        seen, waiting = {relation_id}, [relation_id]
        while waiting:
            for parent, kind in self._parents.get(waiting.pop(), ()):
                if kind == "loads":
                    found.add(parent)
                elif kind == "nested" and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return found

    def _reading_project(self, node: Node) -> str | None:
        """Returns the project whose code names a table that no project declares."""
        names = {self.fleet.nodes[child].project_name for child in self._children.get(node.node_id, ())}
        return min((name for name in names if name), default=None)

    @cached_property
    def _parents(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for edge in self.fleet.edges:
            found.setdefault(edge.to_node_id, []).append((edge.from_node_id, edge.edge_type))
        return found

    @cached_property
    def _children(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for edge in self.fleet.edges:
            found.setdefault(edge.from_node_id, []).append(edge.to_node_id)
        return found

    @cached_property
    def _schema_tables(self) -> Mapping[tuple[str, str, str], Sequence[str]]:
        found: dict[tuple[str, str, str], list[str]] = {}
        for table in self.fleet.tables:
            schema = (table.destination_name, table.dataset_name, table.schema_name)
            found.setdefault(schema, []).append(table.relation_id)
        return found

    @cached_property
    def _project_destinations(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for node in self.fleet.nodes.values():
            if node.project_name and node.destination_name:
                found.setdefault(node.project_name, set()).add(node.destination_name)
        return found
