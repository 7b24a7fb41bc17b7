"""The examples that docs/capture.md points to have the keys that it names, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline_capture.content import cut_trace, outcome_of

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "capture.md").read_text(encoding="utf-8")
EXAMPLES = {file.stem: json.loads(file.read_bytes()) for file in (ROOT / "tests/fixtures/captured").glob("*.json")}
OUTCOMES = ("succeeded", "empty", "with_failed_jobs", "failed", "interrupted")


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(item)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_key_of_an_example_is_described(name: str) -> None:
    assert [key for key in sorted(set(keys(EXAMPLES[name]))) if f"`{key}" not in DOCUMENT] == []


def test_there_is_an_example_of_each_outcome_and_of_a_start() -> None:
    assert {example["outcome"] for example in EXAMPLES.values()} == {*OUTCOMES, None}
    assert all(EXAMPLES[outcome]["outcome"] == outcome for outcome in OUTCOMES)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if EXAMPLES[name]["event"] == "end"])
def test_an_example_has_the_outcome_that_its_trace_gives(name: str) -> None:
    assert outcome_of(EXAMPLES[name]["trace"]) == EXAMPLES[name]["outcome"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_all_keys_of_a_trace(name: str) -> None:
    assert EXAMPLES[name]["trace"].keys() == cut_trace({}).keys()


def test_calls_made_step_by_step_share_their_load_id() -> None:
    parts = [EXAMPLES[f"separate_{step}"]["trace"] for step in ("extract", "normalize", "load")]

    assert len({part["transaction_id"] for part in parts}) == 3
    assert len({load_id for part in parts for step in part["steps"] for load_id in step["load_ids"]}) == 1
