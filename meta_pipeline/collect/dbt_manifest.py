"""Takes from dbt's artifacts what lineage needs: nodes, what they depend on, columns, and the code to be analysed.

Of what people wrote only names, tags, descriptions and listed keys of `meta` are kept; code is analysed and forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import orjson

from meta_pipeline.collect.column_lineage import Relation
from meta_pipeline.collect.json_text import end_of_value, scan_object, value_at
from meta_pipeline.collect.outcomes import digest_of
from meta_pipeline.exceptions import RecordUnreadableError

KNOWN_VERSIONS = (10, 11, 12)
"""Versions of `manifest.json` that are understood: dbt 1.6 and later."""

RESOURCE_TYPES = ("source", "model", "seed", "snapshot", "exposure")

META_KEYS = (
    "pii",
    "contains_pii",
    "is_pii",
    "sensitive",
    "is_sensitive",
    "classification",
    "data_classification",
    "sensitivity",
    "x-annotation-pii",
)
"""Keys of `meta` that are kept, beside those that `dbt_meta_keys` names."""

MAX_TEXT = 2_000
MAX_META_TEXT = 100

_SECTIONS = ("sources", "nodes", "exposures")
_SCHEMA_VERSION = re.compile(r"/manifest/v(\d+)")


@dataclass(frozen=True, slots=True)
class DbtColumn:
    """A column as somebody declared it, or as dbt's catalog lists it.

    Args:
        name: Its name.
        data_type: Its type; None where nobody tells.
        description: Its description.
        tags: Its tags.
        meta: What is kept of its `meta`.
    """

    name: str
    data_type: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtNode:
    """A node of a dbt project.

    Args:
        unique_id: dbt's name for it, such as ``model.shop.orders``.
        resource_type: One of ``RESOURCE_TYPES``.
        package_name: The package that it stands in.
        name: Its name.
        relation: The table or view; None where there is none, as for exposures and ephemeral models.
        materialization: How it is built; None where it is not.
        language: ``sql`` or ``python``; None where there is no code.
        tags: Its tags.
        meta: What is kept of its `meta`.
        description: Its description.
        parents: Unique ids of what it depends on.
        columns: Its columns, in order.
        is_catalogued: Whether the columns are all there are, because dbt's catalog lists them.
        code: Its compiled code; None where it was not compiled.
    """

    unique_id: str
    resource_type: str
    package_name: str
    name: str
    relation: DbtRelation | None
    materialization: str | None
    language: str | None
    tags: tuple[str, ...]
    meta: Mapping[str, Any]
    description: str | None
    parents: tuple[str, ...]
    columns: tuple[DbtColumn, ...]
    is_catalogued: bool
    code: str | None

    @property
    def node_hash(self) -> str:
        """Returns a hash of all that is kept of it."""
        columns = [[item.name, item.data_type, item.description, item.tags, item.meta] for item in self.columns]
        relation = [self.relation.database, self.relation.schema, self.relation.identifier] if self.relation else None
        return digest_of(
            [
                *(self.unique_id, self.package_name, self.name, relation, self.materialization, self.language),
                *(self.tags, self.meta, self.description, self.parents, columns),
            ]
        )


@dataclass(frozen=True)
class DbtRelation:
    """The name of a table or view as dbt has it.

    Args:
        database: Database, project or catalogue.
        schema: Schema or dataset.
        identifier: The table or view.
    """

    database: str
    schema: str
    identifier: str

    @property
    def folded(self) -> Relation:
        """Returns the name in lower case, by which it is compared."""
        return Relation(self.database.lower(), self.schema.lower(), self.identifier.lower())


@dataclass(frozen=True)
class DbtProject:
    """What a manifest says.

    Args:
        name: Name of the project.
        adapter_type: dbt's name of the warehouse.
        manifest_version: Version of the manifest's format.
        dbt_version: Version of dbt that wrote it.
        generated_at: When it was written.
        nodes: Its nodes by unique id.
    """

    name: str
    adapter_type: str
    manifest_version: int
    dbt_version: str
    generated_at: datetime
    nodes: Mapping[str, DbtNode]


def read_manifest(
    content: bytes, catalog: bytes | None, run_results: bytes | None, meta_keys: Collection[str]
) -> DbtProject:
    """Reads a manifest.

    Args:
        content: `manifest.json`.
        catalog: `catalog.json` beside it, for the columns that are there.
        run_results: `run_results.json` beside it, for code that the manifest lacks.
        meta_keys: Keys of `meta` to keep beside ``META_KEYS``.

    Raises:
        RecordUnreadableError: It is not JSON, not a manifest, or of an unknown version.
    """
    catalogued, codes, keys = _catalogued(catalog), _codes(run_results), {*META_KEYS, *meta_keys}
    manifest = _Manifest(lambda node: _node(node, catalogued, codes, keys))
    try:
        manifest.read(content.decode())
    except (ValueError, RecursionError):
        raise RecordUnreadableError("is not JSON, or not whole") from None
    metadata = manifest.metadata if isinstance(manifest.metadata, dict) else {}
    version = _version(metadata)
    try:
        if not manifest.is_whole:
            raise ValueError
        return DbtProject(
            str(metadata["project_name"]),
            str(metadata.get("adapter_type") or ""),
            version,
            str(metadata.get("dbt_version") or ""),
            _moment(metadata["generated_at"]),
            manifest.nodes,
        )
    except (KeyError, ValueError):
        raise RecordUnreadableError("is not a whole manifest of dbt") from None


@dataclass
class _Manifest:
    """What is kept of a manifest, whose nodes are taken one by one: most of it, of any size, is not kept.

    Args:
        make_node: Makes a node of what stands in the manifest.
    """

    make_node: Callable[[Mapping[str, Any]], DbtNode]
    metadata: Any = None
    nodes: dict[str, DbtNode] = field(default_factory=dict)
    # Another version may look otherwise, and is told first; its metadata may stand behind the nodes.
    is_whole: bool = True

    def read(self, text: str) -> None:
        """Reads the text of a manifest.

        Raises:
            ValueError: It is not JSON.
        """

        def read_section(name: str, start: int) -> int:
            if name in _SECTIONS and text.startswith("{", start):
                return scan_object(text, start, read_node)
            if text.startswith("{", start) and name != "metadata":
                return scan_object(text, start, lambda _, place: end_of_value(text, place))
            value, end = value_at(text, start)
            if name == "metadata":
                self.metadata = value
            self.is_whole &= name not in _SECTIONS or not value
            return end

        def read_node(_: str, start: int) -> int:
            node, end = value_at(text, start)
            self._keep(node)
            return end

        if text.lstrip()[:1] == "[":
            value_at(text.strip(), 0)
        elif text[scan_object(text, 0, read_section) :].strip():
            raise ValueError

    def _keep(self, node: Any) -> None:
        try:
            if node.get("resource_type") in RESOURCE_TYPES:
                self.nodes[node["unique_id"]] = self.make_node(node)
        except (KeyError, TypeError, AttributeError, ValueError):
            self.is_whole = False


def _version(metadata: Mapping[str, Any]) -> int:
    found = _SCHEMA_VERSION.search(str(metadata.get("dbt_schema_version")))
    if found is None:
        raise RecordUnreadableError("is not a manifest of dbt")
    version = int(found.group(1))
    if version not in KNOWN_VERSIONS:
        raise RecordUnreadableError(
            f"is a manifest of version {version}; understood are {KNOWN_VERSIONS[0]} to {KNOWN_VERSIONS[-1]} (dbt 1.6 "
            "and later)"
        )
    return version


def _moment(text: str) -> datetime:
    # Python 3.10 reads neither the Z nor other than three or six decimals.
    seconds, _, decimals = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{seconds}.{decimals[:6]:0<6}")
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _node(
    node: Mapping[str, Any], catalogued: Mapping[str, Any], codes: Mapping[str, str], keys: Collection[str]
) -> DbtNode:
    unique_id, resource_type = str(node["unique_id"]), str(node["resource_type"])
    config = node.get("config") or {}
    materialization = None if resource_type in ("source", "exposure") else config.get("materialized")
    has_code = resource_type in ("model", "snapshot")
    parents = (node.get("depends_on") or {}).get("nodes") or []
    return DbtNode(
        unique_id=unique_id,
        resource_type=resource_type,
        package_name=str(node["package_name"]),
        name=_source_name(node) if resource_type == "source" else str(node["name"]),
        relation=None if materialization == "ephemeral" or resource_type == "exposure" else _relation(node),
        materialization=materialization,
        language=str(node.get("language") or "sql") if has_code else None,
        tags=_tags(node, config),
        meta=_meta(node, config, keys),
        description=_text(node.get("description")),
        parents=tuple(dict.fromkeys(str(parent) for parent in parents)),
        columns=tuple(_columns(node.get("columns") or {}, catalogued.get(unique_id) or {}, keys)),
        is_catalogued=unique_id in catalogued,
        code=(node.get("compiled_code") or codes.get(unique_id)) if has_code else None,
    )


def _source_name(node: Mapping[str, Any]) -> str:
    return f"{node['source_name']}.{node['name']}"


def _relation(node: Mapping[str, Any]) -> DbtRelation:
    identifier = node.get("identifier") or node.get("alias") or node["name"]
    return DbtRelation(str(node.get("database") or ""), str(node["schema"]), str(identifier))


def _tags(item: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, ...]:
    found = [*_listed(item.get("tags")), *_listed(config.get("tags"))]
    return tuple(sorted({str(tag)[:MAX_META_TEXT] for tag in found}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _meta(item: Mapping[str, Any], config: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    found = {**(config.get("meta") or {}), **(item.get("meta") or {})}
    return {key: found[key] for key in sorted(keys) if key in found and _is_plain(found[key])}


def _is_plain(value: Any) -> bool:
    """Tells whether a value is a word or a number, or a list of some: free text is not kept."""
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, list) for item in value)
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value) <= MAX_META_TEXT)


def _text(value: Any) -> str | None:
    return str(value).strip()[:MAX_TEXT] or None if value else None


def _columns(
    declared: Mapping[str, Mapping[str, Any]], catalogued: Mapping[str, Any], keys: Collection[str]
) -> Iterator[DbtColumn]:
    """Yields the columns in the order of the catalog, and then those that only somebody declared."""
    by_name = {str(item.get("name") or name).lower(): item for name, item in declared.items()}
    for name, listed in catalogued.items():
        yield _column(name, by_name.pop(name.lower(), {}), listed.get("type"), keys)
    for name, item in by_name.items():
        yield _column(str(item.get("name") or name), item, None, keys)


def _column(name: str, declared: Mapping[str, Any], data_type: str | None, keys: Collection[str]) -> DbtColumn:
    config = declared.get("config") or {}
    return DbtColumn(
        name,
        data_type or declared.get("data_type"),
        _text(declared.get("description")),
        _tags(declared, config),
        _meta(declared, config, keys),
    )


def _catalogued(content: bytes | None) -> dict[str, dict[str, Any]]:
    """Returns the columns that a catalog lists by unique id, in order; none where there is no catalog."""
    try:
        catalog = orjson.loads(content) if content else {}
        found = {**(catalog.get("sources") or {}), **(catalog.get("nodes") or {})}
        return {
            unique_id: dict(sorted((entry.get("columns") or {}).items(), key=lambda item: item[1].get("index") or 0))
            for unique_id, entry in found.items()
        }
    except (ValueError, AttributeError, TypeError):
        return {}


def _codes(content: bytes | None) -> dict[str, str]:
    """Returns the compiled code that run results tell by unique id."""
    try:
        results = (orjson.loads(content) if content else {}).get("results") or []
        return {item["unique_id"]: item["compiled_code"] for item in results if item.get("compiled_code")}
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}
