"""JSON is taken apart as a parser would, whatever was read before."""

import json
from typing import Any

import pytest

from meta_pipeline.collect.json_text import Member, end_of_value, read_members, scan_object

ORDERS = {"name": "orders", "columns": {"id": {"data_type": "bigint"}}}
ITEMS = {"name": "items", "columns": {}, "description": 'a "quote", a } and a \\'}


def text_of(value: Any) -> str:
    """Returns JSON as dlt stores it: without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def members_of(value: Any) -> list[Member]:
    members, _ = read_members(text_of(value), 0, [])
    return members


def read(value: Any, before: Any) -> dict[str, Any]:
    text = text_of(value)
    members, end = read_members(text, 0, members_of(before))
    assert end == len(text)
    return {member.name: json.loads(member.value) for member in members}


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"orders": ORDERS, "items": ITEMS},
        {"items": ITEMS, "orders": ORDERS},
        {"orders": {**ORDERS, "description": "other"}, "items": ITEMS},
        {"gone": ORDERS, "orders": ORDERS, "items": ITEMS},
        {"orders": {}, "items": {}},
        {"orders": ORDERS},
    ],
    ids=["nothing", "the same", "another order", "one changed", "one gone", "empty", "one new"],
)
def test_what_was_read_before_changes_nothing(before: Any) -> None:
    value = {"orders": ORDERS, "items": ITEMS}
    assert read(value, before) == value
    assert list(read(value, before)) == ["orders", "items"]


def test_an_object_that_begins_like_the_one_before_is_another() -> None:
    assert read({"orders": {"a": 1, "b": 2}}, {"orders": {"a": 1}}) == {"orders": {"a": 1, "b": 2}}


def test_text_that_was_read_before_is_not_looked_into() -> None:
    [known] = members_of({"orders": ORDERS})
    members, _ = read_members(text_of({"orders": ORDERS}), 0, [known])
    assert members[0] is known


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_spaces_do_not_matter(indent: int | None) -> None:
    text = "\n" + json.dumps({"orders": ORDERS, "items": ITEMS}, indent=indent)
    members, end = read_members(text, 0, members_of({"orders": ORDERS}))
    assert {member.name: json.loads(member.value) for member in members} == {"orders": ORDERS, "items": ITEMS}
    assert end == len(text)


@pytest.mark.parametrize("name", ['with "quotes"', "Straße", "a\\b", "", "名前"])
def test_names_come_through(name: str) -> None:
    assert read({name: ORDERS}, {name: ITEMS}) == {name: ORDERS}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a"', '{"a":', '{"a":{}', '{"a":{},}', '{"a":{} "b":{}}', "{1:{}}", "null", '{"a":{}]']
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_members(text, 0, [])


def test_an_object_is_found_where_it_begins_and_ends() -> None:
    text = '[1,{"a":{},"b":{}},2]'
    names: list[str] = []

    def read_value(name: str, start: int) -> int:
        names.append(name)
        return end_of_value(text, start)

    assert scan_object(text, 3, read_value) == len('[1,{"a":{},"b":{}}')
    assert names == ["a", "b"]


def test_an_empty_object_has_no_members() -> None:
    assert read_members("{ }", 0, members_of({"orders": ORDERS})) == ([], 3)
