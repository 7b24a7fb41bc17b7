"""A dbt project of any size, as its manifest: sources, staging models, joins of two, and aggregates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

DATABASE, RAW, BUILT = "lab", "raw", "analytics"


def make_manifest(models: int, columns: int, changed: int | None = None) -> dict[str, Any]:
    """Makes a manifest.

    Args:
        models: How many models: a fifth stages a source each, two fifths join two models, the others aggregate one.
        columns: How many columns each of them has.
        changed: A model whose code differs from what it would be.

    Returns:
        The manifest, with compiled code, as dbt writes it.
    """
    names = [f"c{place}" for place in range(columns)]
    staged, joined = max(models // 5, 1), max(models // 5 * 2, 1)
    sources = {f"source.lab.raw.s{place}": _source(place, names) for place in range(staged)}
    nodes = {}
    for place in range(models):
        if place < staged:
            parents, code = [f"source.lab.raw.s{place}"], _staging(place, names)
        elif place < staged + joined:
            read = (place - staged, (place * 7) % place)
            parents, code = [f"model.lab.m{parent}" for parent in read], _join(*read, names)
        else:
            read_one = place - joined
            parents, code = [f"model.lab.m{read_one}"], _aggregate(read_one, names)
        if place == changed:
            code = code.replace("coalesce(a.", "nullif(a.").replace("lower(", "upper(")
        nodes[f"model.lab.m{place}"] = _model(place, parents, code)
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "dbt_version": "1.11.0",
            "adapter_type": "duckdb",
            "project_name": "lab",
            "generated_at": "2026-01-01T00:00:00Z",
        },
        "nodes": nodes,
        "sources": sources,
        "exposures": {},
    }


def add_tests(manifest: dict[str, Any], size: int) -> None:
    """Adds data tests to a manifest, of which large ones mostly consist.

    Args:
        manifest: The manifest.
        size: How long it then is at least, as JSON, in bytes.
    """
    code = "select count(*) as failures from (select * from t where c is null) as dbt_internal_test " * 10
    each = len(json.dumps({_test(0, code)["unique_id"]: _test(0, code)}))
    missing = size - len(json.dumps(manifest))
    tests = (_test(place, code) for place in range(max(missing, 0) // each + 1))
    manifest["nodes"] |= {test["unique_id"]: test for test in tests}


def _test(place: int, code: str) -> dict[str, Any]:
    return {
        "unique_id": f"test.lab.not_null_m{place}_c0.{place:032x}",
        "resource_type": "test",
        "package_name": "lab",
        "name": f"not_null_m{place}_c0",
        "database": DATABASE,
        "schema": BUILT,
        "alias": f"not_null_m{place}_c0",
        "config": {"severity": "ERROR", "materialized": "test", "meta": {}, "tags": []},
        "depends_on": {"nodes": [], "macros": ["macro.dbt.test_not_null"]},
        "columns": {},
        "raw_code": code,
        "compiled_code": code,
    }


def make_catalog(manifest: Mapping[str, Any], columns: int) -> dict[str, Any]:
    """Makes the catalog of a manifest, as `dbt docs generate` writes it.

    Args:
        manifest: The manifest.
        columns: How many columns each of its models has.
    """
    listed = {
        f"c{place}": {"name": f"c{place}", "index": place + 1, "type": "VARCHAR", "comment": None}
        for place in range(columns)
    }
    sections = {
        section: {unique_id: _catalogued(node, listed) for unique_id, node in manifest[section].items()}
        for section in ("nodes", "sources")
    }
    return {"metadata": {}, **sections, "errors": None}


def _catalogued(node: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "unique_id": node["unique_id"],
        "metadata": {
            "type": "BASE TABLE",
            "database": node["database"],
            "schema": node["schema"],
            "name": node["name"],
            "comment": None,
            "owner": None,
        },
        "columns": columns,
        "stats": {},
    }


def _source(place: int, names: Sequence[str]) -> dict[str, Any]:
    return {
        "unique_id": f"source.lab.raw.s{place}",
        "resource_type": "source",
        "package_name": "lab",
        "source_name": RAW,
        "name": f"s{place}",
        "database": DATABASE,
        "schema": RAW,
        "identifier": f"s{place}",
        "relation_name": f'"{DATABASE}"."{RAW}"."s{place}"',
        "config": {"enabled": True},
        "columns": {name: {"name": name} for name in names},
    }


def _model(place: int, parents: Sequence[str], code: str) -> dict[str, Any]:
    return {
        "unique_id": f"model.lab.m{place}",
        "resource_type": "model",
        "package_name": "lab",
        "name": f"m{place}",
        "database": DATABASE,
        "schema": BUILT,
        "alias": f"m{place}",
        "relation_name": f'"{DATABASE}"."{BUILT}"."m{place}"',
        "path": f"m{place}.sql",
        "language": "sql",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": list(parents)},
        "columns": {},
        "compiled_code": code,
    }


def _staging(place: int, names: Sequence[str]) -> str:
    made = [f"lower({name}) as {name}" if index % 5 == 1 else name for index, name in enumerate(names)]
    return (
        f'with source as (select * from "{DATABASE}"."{RAW}"."s{place}"), '
        f"renamed as (select {', '.join(made)} from source where {names[-1]} is not null) select * from renamed"
    )


def _join(left: int, right: int, names: Sequence[str]) -> str:
    made = [
        f"coalesce(a.{name}, b.{name}) as {name}" if index % 3 == 1 else f"a.{name}" for index, name in enumerate(names)
    ]
    return (
        f'with a as (select * from "{DATABASE}"."{BUILT}"."m{left}"), '
        f'b as (select * from "{DATABASE}"."{BUILT}"."m{right}"), '
        f"joined as (select {', '.join(made)} from a left join b on a.{names[0]} = b.{names[0]}) select * from joined"
    )


def _aggregate(read: int, names: Sequence[str]) -> str:
    keys, values = names[:3], names[3:]
    made = [*keys, *(f"max({name}) as {name}" for name in values)]
    return (
        f'with input as (select * from "{DATABASE}"."{BUILT}"."m{read}"), '
        f"summed as (select {', '.join(made)} from input group by {', '.join(keys)}) "
        "select * from summed union all select * from summed where 1 = 0"
    )
