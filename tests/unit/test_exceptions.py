from __future__ import annotations

import inspect

from meta_pipeline import exceptions


def defined() -> dict[str, type[Exception]]:
    members = inspect.getmembers(exceptions, inspect.isclass)
    return {name: member for name, member in members if member.__module__ == exceptions.__name__}


def test_all_names_what_is_public() -> None:
    assert exceptions.__all__ == sorted(defined())


def test_every_exception_is_of_the_one_tree() -> None:
    assert all(issubclass(member, exceptions.MetaPipelineError) for member in defined().values())


def test_the_tree_at_the_top_of_the_file_is_the_tree_that_there_is() -> None:
    drawn: dict[str, int] = {}
    for line in (exceptions.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name.endswith("Error"):
            drawn[name] = line.index(name)

    assert set(drawn) == set(defined())
    for name, member in defined().items():
        parent = member.__mro__[1].__name__
        assert parent == "Exception" or drawn[parent] < drawn[name]
