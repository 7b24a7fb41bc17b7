import json

import pytest

from benchmarks.dbt_manifest import add_tests, make_catalog, make_manifest
from benchmarks.lineage import LARGE, STATES, Compared, Repeated, results_text
from benchmarks.measure import Series, Usage
from meta_pipeline.collect.dbt_lineage import analyse_project
from meta_pipeline.collect.dbt_manifest import read_manifest

VAST = Usage(9, 9, 10**8)
COUNTS = {"models": 10, "columns": 60, "edges": 70, "row_edges": 5}


def project(manifest, catalog=None):
    found = [json.dumps(content).encode() if content else None for content in (manifest, catalog)]
    return read_manifest(*found, None, ())


def compared(ours, peer, peak=10**8):
    series = [Series((Usage(seconds, seconds, peak),)) for seconds in (ours, peer)]
    return Compared(*series, (COUNTS, COUNTS), ("0.3", "30.18"))


def repeated(analysed, peak=10**8):
    states = {name: {"seconds": 1.0, "models": LARGE.models} for name in STATES}
    return Repeated(Usage(20, 20, peak), {**states, "changed": {"seconds": 1.0, "models": analysed}})


def test_every_column_of_the_made_project_is_known():
    analyses = analyse_project(project(make_manifest(10, 6)), {}, {})

    assert {analysis.error for analysis in analyses.values()} == {None}
    assert [len(analysis.columns) for analysis in analyses.values()] == [6] * 10
    assert {column.state for analysis in analyses.values() for column in analysis.columns} == {"traced"}


def test_the_changed_project_differs_in_the_code_of_one_model():
    known = {found.analysis_hash: found for found in analyse_project(project(make_manifest(10, 6)), {}, {}).values()}

    again = analyse_project(project(make_manifest(10, 6, changed=2)), {}, known)

    assert [name for name, found in again.items() if found.analysis_hash not in known] == ["model.lab.m2"]


def test_tests_make_a_manifest_as_large_as_wanted_and_no_node_more():
    manifest = make_manifest(10, 6)
    before = project(manifest)
    add_tests(manifest, 10**6)

    assert 10**6 <= len(json.dumps(manifest)) < 1.01 * 10**6
    assert project(manifest) == before


def test_the_catalog_lists_the_columns_that_the_code_makes():
    manifest = make_manifest(10, 6)
    found = project(manifest, make_catalog(manifest, 6))

    assert {name: [column.name for column in node.columns] for name, node in found.nodes.items()} == {
        name: [f"c{place}" for place in range(6)] for name in found.nodes
    }
    assert all(node.is_catalogued for node in found.nodes.values())


@pytest.mark.parametrize(
    ("measured", "verdicts"),
    [
        ((compared(4, 10), repeated(1), VAST), ["yes", "yes", "yes"]),
        ((compared(7, 10), repeated(1), VAST), ["**no**", "yes", "yes"]),
        ((compared(4, 10), repeated(1, peak=10**9), VAST), ["yes", "**no**", "yes"]),
        ((compared(4, 10), repeated(1), Usage(9, 9, 10**9)), ["yes", "**no**", "yes"]),
        ((compared(4, 10), repeated(2), VAST), ["yes", "yes", "**no**"]),
    ],
)
def test_each_aim_is_judged_by_what_was_measured(measured, verdicts):
    lines = results_text(*measured).splitlines()[-len(verdicts) :]

    assert [line.split(" | ")[-1].removesuffix(" |") for line in lines] == verdicts
