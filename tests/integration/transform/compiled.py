"""What dbt compiles for a warehouse that is not there: every model, whole and incremental, and its hooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import agate
import pytest

from meta_pipeline.alert.store import EVENT_COLUMNS
from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.transform.project import project_folder

# Nothing is ever sent with these.
_OUTPUTS: dict[str, dict[str, object]] = {
    "bigquery": {"type": "bigquery", "method": "oauth-secrets", "token": "none", "project": "lab"},
    "snowflake": {"type": "snowflake", "account": "none", "user": "none", "password": "none", "database": "lab"},
}
_ADAPTERS = {"bigquery": "BigQueryAdapter", "snowflake": "SnowflakeAdapter"}
_KINDS = {"string": "string", "int64": "integer", "double": "number", "bool": "boolean"}


@dataclass(frozen=True)
class CompiledModel:
    """A model as it would be sent to the warehouse.

    Args:
        name: Its name.
        dataset: The dataset that it is built in.
        sql: The query.
        hooks: The statements before and after it.
        contract: The columns with the types that it promises; empty where it promises none.
    """

    name: str
    dataset: str
    sql: str
    hooks: tuple[str, ...]
    contract: dict[str, str]


def raw_columns() -> dict[str, dict[str, str]]:
    """Returns the columns of all that models read, with the kind of their type."""
    tables = {}
    for table in RAW_TABLES:
        columns = {column.name: _KINDS.get(str(column.type), "timestamp") for column in table.columns}
        tables[table.name] = columns | ({"_dlt_load_id": "string"} if table.is_marked_with_load else {})
    loads = {"load_id": "string", "schema_name": "string", "status": "integer", "inserted_at": "timestamp"}
    events: dict[str, str] = dict.fromkeys(EVENT_COLUMNS, "string")
    events |= {"happened_at": "timestamp", "episode_at": "timestamp", "opened_at": "timestamp", "is_event": "boolean"}
    return {**tables, "_dlt_loads": loads, "alert_events": events}


def compile_models(warehouse: str, folder: Path, *options: str, incremental: bool = False) -> list[CompiledModel]:
    """Compiles the project.

    Args:
        warehouse: Type of the warehouse.
        folder: For dbt's files.
        options: Further options of `dbt compile`.
        incremental: As if each table were there already.

    Returns:
        The models, each after those that it reads.
    """
    from dbt.cli.main import dbtRunner

    profile = {**_OUTPUTS[warehouse], "schema": "observability_marts", "threads": 1}
    folder.mkdir(parents=True, exist_ok=True)
    outputs = {"meta_pipeline": {"target": "home", "outputs": {"home": profile}}}
    (folder / "profiles.yml").write_text(json.dumps(outputs))
    paths = ["--project-dir", str(project_folder()), "--profiles-dir", str(folder), "--log-path", str(folder)]
    quiet = ["--quiet", "--no-populate-cache", "--no-version-check", "--log-level", "none", "--log-level-file", "none"]
    command = ["compile", *paths, "--target-path", str(folder / "target"), *quiet, *options]
    with _without_warehouse(warehouse, incremental=incremental) as hooks:
        outcome = dbtRunner().invoke(command if incremental else [*command, "--full-refresh"])
    assert outcome.success, outcome.exception or [
        (result.node.name, result.message) for result in outcome.result if result.status != "success"
    ]
    nodes = {result.node.unique_id: result.node for result in outcome.result if result.node.resource_type == "model"}
    return [_compiled(nodes[name], hooks) for name in _ordered(nodes)]


def _compiled(node: Any, hooks: dict[str, list[str]]) -> CompiledModel:
    contract = {name: column.data_type for name, column in node.columns.items()} if node.contract.enforced else {}
    return CompiledModel(node.name, node.schema, node.compiled_code, tuple(hooks.get(node.name, ())), contract)


def _ordered(nodes: dict[str, Any]) -> list[str]:
    found: list[str] = []

    def visit(name: str) -> None:
        if name in nodes and name not in found:
            for parent in nodes[name].depends_on.nodes:
                visit(parent)
            found.append(name)

    for name in nodes:
        visit(name)
    return found


@contextmanager
def _without_warehouse(warehouse: str, *, incremental: bool) -> Iterator[dict[str, list[str]]]:
    """Answers what compiling asks of the warehouse: is there such a table, and what does `clock` say?"""
    from dbt.task.compile import CompileRunner

    adapter = getattr(import_module(f"dbt.adapters.{warehouse}.impl"), _ADAPTERS[warehouse])
    moment = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
    hooks: dict[str, list[str]] = {}
    compile_node = CompileRunner.compile

    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        names = {"database": database, "schema": schema, "identifier": identifier}
        return self.Relation.create(**names, type="table") if incremental else None

    def execute(*_: Any, **__: Any) -> tuple[None, agate.Table]:
        return None, agate.Table([(moment, moment)], ["read_up_to", "built_at"])

    def compile_with_hooks(self: Any, manifest: Any) -> Any:
        node = compile_node(self, manifest)
        if node.resource_type == "model":
            hooks[node.name] = list(_rendered_hooks(node, self.config, manifest))
        return node

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "get_relation", get_relation)
        patch.setattr(adapter, "execute", execute)
        patch.setattr(CompileRunner, "compile", compile_with_hooks)
        yield hooks


def _rendered_hooks(node: Any, config: Any, manifest: Any) -> Iterator[str]:
    from dbt.clients.jinja import get_rendered
    from dbt.context.providers import generate_runtime_model_context

    context = generate_runtime_model_context(node, config, manifest)
    for hook in [*node.config.pre_hook, *node.config.post_hook]:
        if sql := get_rendered(hook.sql, context, node).strip():
            yield sql
