"""Prints lineage as a tree on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from meta_pipeline.output import printable
from meta_pipeline.report.lineage import WHOLE_RELATION, Step


def print_tree(title: str, steps: Sequence[Step]) -> None:
    """Prints steps as a tree, each under the one that it follows.

    Args:
        title: What stands at the root.
        steps: The steps, in the order of a walk into depth.
    """
    root = Tree(Text(printable(title), style="bold"), guide_style="dim")
    branches = [root]
    for step in steps:
        del branches[step.depth :]
        branches.append(branches[-1].add(_label(step)))
    Console().print(root)


def _label(step: Step) -> Text:
    place = step.place
    # Names come from warehouses: as Text, markup in them stays text.
    label = Text(printable(place.name if place.column == WHOLE_RELATION else place.label))
    told = [place.materialization or place.node_type, step.relation]
    if step.is_masked:
        told.append("masked")
    if step.method != "declared":
        told.append(step.method)
    if step.confidence < 1:
        told.append(f"confidence {step.confidence:g}")
    if step.is_known:
        told.append("see above")
    return label.append(f"  {', '.join(told)}", style="dim")
