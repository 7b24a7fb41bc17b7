"""Which models a transform has to build: those that would come out otherwise than they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

KEEPS_UNCHANGED_ROWS = "keeps_unchanged_rows"
"""In a model's ``meta``: it writes only rows that differ, and when in ``built_at``, so it can be asked for changes."""

WRITTEN_BY_EACH_COLLECTION = "is_written_by_each_collection"
"""A source's ``meta``: rows of a collection in it say that there was one, not that it found anything new."""

_MOMENT_MACRO = "as_of"
_NEWS_MACRO = "clock_moment"
# These use the moment for the past alone, which is always built as a whole.
_PAST_MACROS = frozenset({"where_known", "where_load_known"})


@dataclass(frozen=True)
class Model:
    """A model of the dbt project, as far as it matters for when it has to be built.

    Args:
        dataset: The dataset that its table or view is in.
        table: The name of that.
        is_view: Whether it is a view, which is never built anew, but leads on to what reads it.
        models: Names of the models that it reads.
        sources: Names of the raw tables that it reads, of those that say when their rows were collected.
        judges_by_moment: Whether it says something else as time goes by, though nothing new came.
        holds_only_news: Whether it holds what is new since the last transform: whatever reads it needs it built anew.
        keeps_unchanged_rows: Whether it leaves rows as they are that would come out the same.
    """

    dataset: str = ""
    table: str = ""
    is_view: bool = False
    models: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    judges_by_moment: bool = False
    holds_only_news: bool = False
    keeps_unchanged_rows: bool = False


@dataclass(frozen=True)
class Project:
    """The models of the dbt project and what they read.

    Args:
        models: The models by name.
        pulses: Names of the raw tables that each collection writes to.
    """

    models: Mapping[str, Model]
    pulses: frozenset[str] = frozenset()

    @property
    def sources(self) -> frozenset[str]:
        """Returns the names of all raw tables that models read."""
        return frozenset(source for model in self.models.values() for source in model.sources)


@dataclass(frozen=True)
class Plan:
    """What to build.

    Args:
        due: All models to build, as far as is known beforehand.
        asked: Those that are built only because time went by, and know afterwards whether that changed anything.
        first: What to build before they are asked: themselves, and what they are made of.
    """

    due: frozenset[str]
    asked: frozenset[str]
    first: frozenset[str]


def plan(project: Project, changed_sources: Set[str]) -> Plan:
    """Decides what to build.

    Where a raw table got rows, all that is made of it is built. Where only time went by, the models that judge by the
    moment are, and what is made of them, but not beyond a model that keeps unchanged rows: that one is asked first.

    Args:
        project: The dbt project.
        changed_sources: Raw tables with rows that were collected since the last finished transform.
    """
    by_data = _with_descendants(project, _readers(project, changed_sources - project.pulses))
    moved = {name for name, model in project.models.items() if model.judges_by_moment}
    by_time = _with_descendants(
        project,
        moved | _readers(project, changed_sources & project.pulses),
        stops_at=lambda model: model.keeps_unchanged_rows,
    )
    due = by_data | by_time
    asked = frozenset(name for name in by_time - by_data if project.models[name].keeps_unchanged_rows)
    return Plan(due=due, asked=asked, first=_with_news(project, due & _with_ancestors(project, asked)))


def rest(project: Project, made: Plan, changed: Set[str]) -> frozenset[str]:
    """Returns the models to build after the first ones.

    Args:
        project: The dbt project.
        made: The plan, whose first models were built.
        changed: Those of the models asked that changed.
    """
    wanted = (made.due | _with_descendants(project, _children(project, changed))) - made.first
    # What was built first, but of something that is only built now, comes once more.
    again = made.first & _with_descendants(project, wanted)
    return (_with_news(project, wanted) - made.first) | again


def tables(project: Project, names: Iterable[str]) -> list[str]:
    """Returns those of some models that are built, in alphabetical order: all but the views.

    Args:
        project: The dbt project.
        names: Names of models.
    """
    return sorted(name for name in names if not project.models[name].is_view)


def read_project(manifest: Any) -> Project:
    """Reads from dbt's manifest what the models depend on.

    Args:
        manifest: dbt's ``Manifest`` of our project.
    """
    nodes = {node.unique_id: node for node in manifest.nodes.values() if node.resource_type == "model"}
    sources = {source.unique_id: source for source in manifest.sources.values() if "collected_at" in source.columns}
    news = _holders_of_news(nodes, manifest.macros)
    models = {
        node.name: Model(
            dataset=node.schema,
            table=node.alias,
            is_view=node.config.materialized == "view",
            models=frozenset(nodes[parent].name for parent in node.depends_on.nodes if parent in nodes),
            sources=frozenset(sources[parent].name for parent in node.depends_on.nodes if parent in sources),
            judges_by_moment=_uses(manifest.macros, node, _MOMENT_MACRO),
            holds_only_news=unique_id in news,
            keeps_unchanged_rows=bool(node.config.meta.get(KEEPS_UNCHANGED_ROWS)),
        )
        for unique_id, node in nodes.items()
    }
    return Project(
        models=models,
        pulses=frozenset(
            source.name for source in sources.values() if source.config.meta.get(WRITTEN_BY_EACH_COLLECTION)
        ),
    )


def _holders_of_news(nodes: Mapping[str, Any], macros: Mapping[str, Any]) -> frozenset[str]:
    """Returns the tables that are made of what is new, and those made of them alone."""
    rebuilt = {unique_id for unique_id, node in nodes.items() if node.config.materialized == "table"}
    return _reached(
        {unique_id for unique_id in rebuilt if _uses(macros, nodes[unique_id], _NEWS_MACRO)},
        lambda fresh: {name for name in rebuilt if not fresh.isdisjoint(nodes[name].depends_on.nodes)},
    )


def _uses(macros: Mapping[str, Any], node: Any, wanted: str) -> bool:
    """Tells whether a model calls a macro, by whatever other macros."""
    seen: set[str] = set()
    waiting = list(node.depends_on.macros)
    while waiting:
        macro = macros.get(waiting.pop())
        if macro is None or macro.unique_id in seen or macro.name in _PAST_MACROS:
            continue
        if macro.name == wanted:
            return True
        seen.add(macro.unique_id)
        waiting += macro.depends_on.macros
    return False


def _readers(project: Project, sources: Set[str]) -> set[str]:
    return {name for name, model in project.models.items() if model.sources & sources}


def _children(project: Project, names: Set[str]) -> set[str]:
    return {name for name, model in project.models.items() if model.models & names}


def _parents(project: Project, names: Set[str]) -> set[str]:
    return {parent for name in names for parent in project.models[name].models}


def _with_descendants(
    project: Project, names: Set[str], stops_at: Callable[[Model], bool] = lambda _: False
) -> frozenset[str]:
    def onward(fresh: Set[str]) -> set[str]:
        return _children(project, {name for name in fresh if not stops_at(project.models[name])})

    return _reached(names, onward)


def _with_ancestors(project: Project, names: Set[str]) -> frozenset[str]:
    return _reached(names, lambda fresh: _parents(project, fresh))


def _with_news(project: Project, names: Set[str]) -> frozenset[str]:
    """Adds the tables of news that models read, which would else hold those of an earlier transform."""

    def onward(fresh: Set[str]) -> set[str]:
        return {parent for parent in _parents(project, fresh) if project.models[parent].holds_only_news}

    return _reached(names, onward)


def _reached(names: Set[str], onward: Callable[[Set[str]], set[str]]) -> frozenset[str]:
    """Returns what is reached from some models, themselves included, going on as long as there is anywhere to go."""
    found: set[str] = set()
    fresh = set(names)
    while fresh:
        found |= fresh
        fresh = onward(fresh) - found
    return frozenset(found)
