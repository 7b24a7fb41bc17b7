"""Turns suggestions of personal data into what declares it: hints in Python, and schemas to be imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from meta_pipeline.config import suggestion
from meta_pipeline.exceptions import AnnotationError
from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, Home, Session, open_home, require_marts

HINT = "x-annotation-pii"
"""dlt's convention for personal data."""

_SUGGESTIONS = (
    "select pii.relation_id, pii.relation, pii.column_name, pii.category, pii.confidence, "
    "finding.is_excepted from {pii_columns} as pii "
    "left join {governance_findings} as finding on finding.relation_id = pii.relation_id "
    "and finding.column_name = pii.column_name and finding.finding_type = 'untagged' where pii.status = 'suggested'"
)
_TABLES = "select relation_id, schema_name, table_name, resource_name, parent_table, root_table from {observed_tables}"
_PIPELINES = "select relation_id, schema_name, pipeline_name from {int_table_pipelines}"
_UNSAFE = re.compile(r"[^\w.-]|^\.+")


@dataclass(frozen=True, order=True)
class Annotation:
    """A column to be tagged, where dlt declares it.

    Args:
        pipeline_name: The pipeline; empty where none is known.
        schema_name: The schema.
        resource_name: The resource that fills the table; empty where it is not known.
        root_table: The table at the top of a nested table's chain of parents; else the table itself.
        table_name: The table.
        column_name: The column, as dlt normalized it.
        relation: Dataset and table, with a point between.
        category: Kind of personal data that it looks like.
        confidence: How surely, up to 1.
    """

    pipeline_name: str
    schema_name: str
    resource_name: str
    root_table: str
    table_name: str
    column_name: str
    relation: str
    category: str
    confidence: float


@dataclass(frozen=True)
class Annotations:
    """What was suggested.

    Args:
        accepted: The columns to be tagged, each for every pipeline that may load its table.
        excepted: How many were left out as exceptions of the configuration.
        elsewhere: Accepted columns of tables and views that no pipeline loads, as ``relation.column``.
    """

    accepted: Sequence[Annotation]
    excepted: int
    elsewhere: Sequence[str]


def read_annotations(home: Home, pipeline_name: str | None = None, accept: Collection[str] = ()) -> Annotations:
    """Reads which suggested columns are to be tagged.

    Args:
        home: Where the marts live.
        pipeline_name: Only what this pipeline loads.
        accept: Globs of ``dataset.table.column``; by default all, without the exceptions of the configuration.

    Raises:
        AnnotationError: There is no such pipeline, or a glob matches nothing that is suggested.
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    with open_home(home) as session:
        require_marts(session, home, "pii_columns", about=" on personal data")
        suggested = _rows(session, _SUGGESTIONS)
        tables = _rows(session, _TABLES)
        pipelines = _rows(session, _PIPELINES)
    _require_pipeline(pipeline_name, {row[2] for row in pipelines})
    _require_matches(accept, [_name(row) for row in suggested])
    chosen = [row for row in suggested if _is_accepted(row, accept)]
    loaded = {row[0] for row in tables}
    return Annotations(
        sorted(set(_annotations(chosen, tables, pipelines, pipeline_name))),
        sum(not _is_accepted(row, accept) and bool(row[5]) for row in suggested),
        # What is made of another suggested column has no finding of its own: it will inherit that one's tag.
        sorted(_name(row) for row in chosen if row[0] not in loaded and (accept or row[5] is not None)),
    )


def _rows(session: Session, query: str) -> Sequence[Sequence[Any]]:
    relations = {
        name: session.relation(MODELS_DATASET if name.startswith("int_") else MARTS_DATASET, name)
        for name in re.findall(r"\{(\w+)\}", query)
    }
    return session.rows(query.format(**relations))


def _name(row: Sequence[Any]) -> str:
    return f"{row[1]}.{row[2]}"


def _is_accepted(row: Sequence[Any], accept: Collection[str]) -> bool:
    return any(_matches(_name(row), glob) for glob in accept) if accept else not row[5]


def _matches(name: str, glob: str) -> bool:
    return fnmatchcase(name.lower(), glob.lower())


def _require_pipeline(name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        hint = suggestion(name, known) or " meta-pipeline status lists them."
        raise AnnotationError(f"There is no pipeline {name!r} with tables.{hint}")


def _require_matches(accept: Iterable[str], names: Collection[str]) -> None:
    for glob in accept:
        if not any(_matches(name, glob) for name in names):
            raise AnnotationError(
                f"No suggested column matches --accept {glob!r}; names are dataset.table.column. The mart pii_columns, "
                "where status is 'suggested', lists them."
            )


def _annotations(
    chosen: Iterable[Sequence[Any]],
    tables: Iterable[Sequence[Any]],
    pipelines: Iterable[Sequence[Any]],
    pipeline_name: str | None,
) -> Iterator[Annotation]:
    names: dict[tuple[str, str], list[str]] = {}
    for relation_id, schema, pipeline in pipelines:
        names.setdefault((relation_id, schema), []).append(pipeline)
    tables_of: dict[str, list[Sequence[Any]]] = {}
    for row in tables:
        tables_of.setdefault(row[0], []).append(row)
    for relation_id, relation, column, category, confidence, _ in chosen:
        for _, schema, table, resource, parent, root in tables_of.get(relation_id, ()):
            for pipeline in names.get((relation_id, schema), [""]):
                if pipeline_name in (None, pipeline):
                    place = (pipeline, schema, resource or "", root if parent else table, table)
                    yield Annotation(*place, column, relation, category, float(confidence))


def python_hints(annotations: Sequence[Annotation]) -> str:
    """Returns Python that gives the hints to the resources of a source; empty where there is nothing to tag.

    Args:
        annotations: The columns to be tagged, sorted.
    """
    blocks = []
    for (pipeline, schema), found in groupby(annotations, lambda item: (item.pipeline_name, item.schema_name)):
        columns = list(found)
        lines = [
            f"# pipeline {_comment(pipeline) or '(not known)'}, schema {_comment(schema)}: after the source is made"
        ]
        for (resource, root), rows in groupby(columns, lambda item: (item.resource_name, item.root_table)):
            others = {item.root_table for item in columns if item.resource_name == resource} - {root}
            lines += _resource_lines(resource, root, list(rows), is_only_table=not others)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _resource_lines(resource: str, root: str, rows: Sequence[Annotation], *, is_only_table: bool) -> Iterator[str]:
    own = [item.column_name for item in rows if item.table_name == root]
    nested: dict[tuple[str, ...], list[str]] = {}
    for item in rows:
        if item.table_name != root:
            nested.setdefault(_path(item.table_name, root), []).append(item.column_name)
    yield f"source.resources[{resource!r}].apply_hints("
    if not is_only_table:
        yield f"    table_name={root!r},"
        yield "    create_table_variant=True,"
    if own:
        yield from _columns_lines(own, 4)
    if nested:
        yield "    nested_hints={"
        for path, columns in sorted(nested.items()):
            yield f"        {path!r}: dlt.mark.make_nested_hints("
            yield from _columns_lines(columns, 12)
            yield "        ),"
        yield "    },"
    yield ")"


def _columns_lines(columns: Iterable[str], indent: int) -> Iterator[str]:
    yield f"{'':{indent}}columns={{"
    for column in columns:
        yield f"{'':{indent + 4}}{column!r}: {{{HINT!r}: True}},"
    yield f"{'':{indent}}}},"


def _path(table: str, root: str) -> tuple[str, ...]:
    return tuple(table.removeprefix(f"{root}__").split("__"))


def write_schemas(annotations: Sequence[Annotation], folder: Path, *, force: bool = False) -> list[Path]:
    """Writes schemas to be imported: a folder per pipeline, a file per schema of it.

    A file that is there keeps all that it says; the tags are added to it.

    Args:
        annotations: The columns to be tagged, sorted.
        folder: Where to; a pipeline's folder in it is its `import_schema_path`.
        force: Whether files that are there may be changed.

    Returns:
        The files.

    Raises:
        AnnotationError: A file is there and may not be changed, or it is no schema of dlt; nothing is written then. Or
            one cannot be written.
    """
    texts: dict[Path, str] = {}
    for (pipeline, schema), found in groupby(annotations, lambda item: (item.pipeline_name, item.schema_name)):
        file = folder / _file_name(pipeline) / f"{_file_name(schema)}.schema.yaml"
        if file.exists() and not force:
            raise AnnotationError(f"{file} is there. Add the tags to it with --force, or choose another --out.")
        before = _read_schema(file) if file.exists() else _new_schema(schema)
        texts[file] = yaml.safe_dump(_tagged(before, found), sort_keys=False, allow_unicode=True)
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise AnnotationError(
                f"{file} could not be written: {error.strerror}. Choose another --out, or mend that and add --force."
            ) from None
    return list(texts)


def _file_name(name: str) -> str:
    """Returns a name that leads nowhere else: it comes from a warehouse."""
    return _UNSAFE.sub("_", name)


def _new_schema(name: str) -> dict[str, Any]:
    from dlt.common.schema import Schema  # noqa: PLC0415

    schema: dict[str, Any] = yaml.safe_load(Schema(name).to_pretty_yaml(remove_defaults=True))
    return schema


def _read_schema(file: Path) -> dict[str, Any]:
    try:
        schema = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(schema["tables"], dict):
            return dict(schema)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        pass
    raise AnnotationError(f"{file} is no schema of dlt in YAML. Choose another --out.")


def _tagged(schema: dict[str, Any], annotations: Iterable[Annotation]) -> Mapping[str, Any]:
    tables = schema["tables"]
    for item in annotations:
        table = tables.setdefault(item.table_name, {})
        if item.table_name != item.root_table:
            # dlt wants every parent up to the root.
            _add_parents(tables, item)
        columns = table.setdefault("columns", {})
        columns[item.column_name] = {**(columns.get(item.column_name) or {}), HINT: True}
    return schema


def _add_parents(tables: dict[str, Any], item: Annotation) -> None:
    parent = item.root_table
    for part in _path(item.table_name, item.root_table):
        child = f"{parent}__{part}"
        tables.setdefault(parent, {"columns": {}})
        tables.setdefault(child, {}).setdefault("parent", parent)
        tables[child].setdefault("columns", {})
        parent = child
