"""Looks at every destination before anything is written: what can be reached, what will be read, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from meta_pipeline.collect.exports import DESTINATION_NAME, DESTINATION_TYPE, exported_files, missing_folder
from meta_pipeline.collect.interleaving import MAX_AT_ONCE
from meta_pipeline.collect.opening import destination_type, open_destination
from meta_pipeline.collect.outcomes import as_met
from meta_pipeline.collect.selection import is_dev_mode, is_own, is_selected
from meta_pipeline.collect.warehouse import SYSTEM_TABLES, Dataset, Warehouse
from meta_pipeline.config import DestinationSettings, Settings
from meta_pipeline.exceptions import CollectionError, ConfigurationError
from meta_pipeline.output import counted


@dataclass(frozen=True)
class Finding:
    """What was found of one dataset, or of a destination as a whole.

    Args:
        destination_name: The destination.
        destination_type: dlt's type of it, where it is known.
        dataset_name: The dataset; None for the destination as a whole.
        is_read: Whether it will be read.
        is_fault: Whether something is missing that somebody has to mend.
        note: What will be read, or why not and what to do next.
    """

    destination_name: str
    destination_type: str | None
    dataset_name: str | None
    is_read: bool
    is_fault: bool
    note: str


def check_destinations(settings: Settings) -> list[Finding]:
    """Opens every destination and lists its datasets; nothing is written.

    Args:
        settings: What to read.

    Returns:
        The findings, in the order of the configuration and of the datasets' names.
    """
    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        found = pool.map(lambda destination: list(_check(destination)), settings.destinations)
        folders = map(_check_folder, settings.schema_exports)
        inboxes = map(_check_inbox, [settings.inbox] if settings.inbox else [])
        working_folders = map(_check_working_folder, settings.pipelines_dirs)
        artifacts = map(_check_artifacts, settings.dbt_artifacts)
        return [*(item for findings in found for item in findings), *folders, *inboxes, *working_folders, *artifacts]


def _check(settings: DestinationSettings) -> Iterator[Finding]:
    kind = destination_type(settings.name)
    try:
        warehouse = open_destination(settings)
        try:
            datasets = _tried(warehouse, settings)
            forbidden = warehouse.forbidden_tables() if settings.row_counts == "scan" else {}
        finally:
            warehouse.close()
    except (CollectionError, ConfigurationError) as error:
        yield Finding(settings.name, kind, None, False, True, str(error))
        return
    except Exception as error:
        # One destination that breaks in an unforeseen way must not hide what is found of the others.
        yield Finding(settings.name, kind, None, False, True, f"broke off with an unexpected {type(error).__name__}")
        return
    if not datasets:
        note = "reached, but no dataset holds a _dlt_loads table that these credentials can see"
        yield Finding(settings.name, kind, None, False, False, note)
    elif not any(is_selected(dataset.name, settings) for dataset in datasets):
        note = f"none of its {len(datasets)} datasets matches {', '.join(settings.datasets)} without exclude_datasets"
        yield Finding(settings.name, kind, None, False, True, note)
    for dataset in datasets:
        yield _finding(settings, kind, dataset, forbidden.get(dataset.name, ()))


def _tried(warehouse: Warehouse, settings: DestinationSettings) -> list[Dataset]:
    """Returns the datasets with all that is to be known of them, and with the rights that they really give."""
    found = warehouse.discover()
    for kind in SYSTEM_TABLES:
        readable = [item for item in found if _is_to_be_read(item, settings) and kind in item.tables]
        described = {item.name: item for item in warehouse.describe(kind, readable)}
        warehouse.probe(kind, list(described.values()))
        found = [described.get(item.name, item) for item in found]
    return [as_met(item, [each for each in warehouse.problems if each.dataset_name == item.name]) for item in found]


def _is_to_be_read(dataset: Dataset, settings: DestinationSettings) -> bool:
    return (
        not dataset.forbidden_tables and is_selected(dataset.name, settings) and not is_dev_mode(dataset.name, settings)
    )


def _finding(settings: DestinationSettings, kind: str | None, dataset: Dataset, uncounted: Sequence[str]) -> Finding:
    def finding(note: str, *, is_read: bool = False, is_fault: bool = False) -> Finding:
        return Finding(settings.name, kind, dataset.name, is_read, is_fault, note)

    left_out = _why_left_out(dataset.name, settings)
    if left_out:
        return finding(left_out)
    if dataset.forbidden_tables:
        return finding(
            f"no right to read {', '.join(dataset.forbidden_tables)}: grant usage on the dataset and select on them",
            is_fault=True,
        )
    missing = [SYSTEM_TABLES[kind] for kind in SYSTEM_TABLES if kind not in dataset.tables]
    missing += [
        f"{table.name}.{column}" for kind, table in dataset.tables.items() for column in dataset.missing_columns(kind)
    ]
    what = "system tables and catalogue" + (", rows counted by load" if settings.row_counts == "scan" else "")
    if missing:
        return finding(f"{what}; without {', '.join(missing)}, which is missing", is_read=True, is_fault=True)
    if uncounted:
        note = f"rows cannot be counted: no right to read {', '.join(uncounted)}; grant select on them"
        return finding(note, is_read=True, is_fault=True)
    return finding(what, is_read=True)


def _why_left_out(name: str, settings: DestinationSettings) -> str | None:
    if is_own(name, settings):
        return "left out: what meta-pipeline itself collects into"
    if not is_selected(name, settings):
        return "left out by datasets or exclude_datasets"
    return "left out: a leftover of dev_mode=True by its name" if is_dev_mode(name, settings) else None


def _check_folder(path: str) -> Finding:
    problem = missing_folder(path)
    note = problem or f"{len(exported_files(Path(path)))} exported schemas"
    return Finding(DESTINATION_NAME, DESTINATION_TYPE, path, not problem, bool(problem), note)


def _check_inbox(url: str) -> Finding:
    from meta_pipeline.collect import inbox  # noqa: PLC0415
    from meta_pipeline.collect.places import place_of  # noqa: PLC0415

    place = place_of(url)
    try:
        note, is_fault = counted(len(inbox.open_inbox(url).all()), "file"), False
    except (CollectionError, ConfigurationError) as error:
        note, is_fault = str(error), True
    return Finding(inbox.DESTINATION_NAME, inbox.DESTINATION_TYPE, place, not is_fault, is_fault, note)


def _check_artifacts(url: str) -> Finding:
    from meta_pipeline.collect import dbt_artifacts  # noqa: PLC0415
    from meta_pipeline.collect.places import place_of  # noqa: PLC0415

    place = place_of(url)
    try:
        count = len(dbt_artifacts.open_artifacts(url).manifests())
        note, is_fault = counted(count, "manifest") if count else dbt_artifacts.nothing_in(place), not count
    except (CollectionError, ConfigurationError) as error:
        note, is_fault = str(error), True
    kind = dbt_artifacts.DESTINATION_TYPE
    return Finding(dbt_artifacts.DESTINATION_NAME, kind, place, not is_fault, is_fault, note)


def _check_working_folder(path: str) -> Finding:
    from meta_pipeline.collect import working_folder  # noqa: PLC0415

    note = working_folder.missing_folder(path)
    is_fault = bool(note)
    if not note:
        try:
            note = counted(len(working_folder.kept_traces(Path(path).expanduser())), "last trace")
        except (CollectionError, PermissionError) as error:
            note, is_fault = str(error), True
    kind = working_folder.DESTINATION_TYPE
    return Finding(working_folder.DESTINATION_NAME, kind, path, not is_fault, is_fault, note)


def problems_of(settings: Settings, findings: Sequence[Finding]) -> list[str]:
    """Returns what somebody has to mend, in words."""
    faults = (item for item in findings if item.is_fault)
    told = (f"{'.'.join(filter(None, (item.destination_name, item.dataset_name)))}: {item.note}" for item in faults)
    return [*settings.problems, *told]
