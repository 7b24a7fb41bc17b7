"""What ``[governance]`` says: which hints, tags and names mean personal data, and what is no finding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meta_pipeline.config import read_section, suggestion, unknown_keys
from meta_pipeline.exceptions import ConfigurationError

SECTION = ("governance",)
FINDINGS = (
    "tagged_in_incremental",
    "untagged",
    "variant_untagged",
    "export_differs",
    "shared_table",
    "dlt_versions_differ",
    "schema_engines_differ",
    "evolves_freely",
)
_LISTS = {"pii_hints": "pii_hints", "pii_meta": "pii_meta", "pii_tags": "pii_tags", "skip_names": "pii_skip_names"}
_NAMES, _EXCEPTIONS = "names", "exceptions"
_EXCEPTION_KEYS = ("finding", "columns", "reason")


def read_governance(folder: Path) -> dict[str, Any]:
    """Reads the section as the variables of the dbt project that it sets.

    Args:
        folder: The working folder.

    Returns:
        Values by dbt's name of the variable; what is not set is left out.

    Raises:
        ConfigurationError: A file is not TOML, a key is misspelt, or a value is of the wrong kind.
    """
    table = read_section(folder, SECTION)
    if unknown := unknown_keys(table, (*_LISTS, _NAMES, _EXCEPTIONS), "[governance]"):
        raise ConfigurationError(unknown[0])
    variables: dict[str, Any] = {_LISTS[key]: _texts(key, table[key]) for key in _LISTS if key in table}
    if _NAMES in table:
        variables["pii_names"] = _categories(table[_NAMES])
    if _EXCEPTIONS in table:
        variables["governance_exceptions"] = _exceptions(table[_EXCEPTIONS])
    return variables


def _texts(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(_is_text(item) for item in value):
        raise ConfigurationError(f'{key} in [governance] must be a list of texts, not {value!r}: {key} = ["pii"]')
    return value


def _categories(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(_is_text(item) for pair in value.items() for item in pair):
        raise ConfigurationError(
            f"{_NAMES} in [governance] must be a table of categories by name, not {value!r}: "
            f'{_NAMES} = {{ loyalty_card = "payment" }}'
        )
    return dict(value)


def _exceptions(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise ConfigurationError(_wrong_exception(value))
    for item in value:
        if not isinstance(item, Mapping) or not all(_is_text(text) for text in item.values()):
            raise ConfigurationError(_wrong_exception(item))
        if unknown := unknown_keys(item, _EXCEPTION_KEYS, "an entry of exceptions in [governance]"):
            raise ConfigurationError(unknown[0])
        if missing := [key for key in ("finding", "reason") if key not in item]:
            raise ConfigurationError(f"{_wrong_exception(item)} It lacks {' and '.join(missing)}.")
        if item["finding"] not in FINDINGS:
            raise ConfigurationError(
                f"finding of an entry of exceptions in [governance] is {item['finding']!r}; it is one of "
                f"{', '.join(FINDINGS)}.{suggestion(item['finding'], FINDINGS)}"
            )
    return [dict(item) for item in value]


def _wrong_exception(value: Any) -> str:
    return (
        f"{_EXCEPTIONS} in [governance] must be a list of tables of texts, not {value!r}: "
        f'{_EXCEPTIONS} = [{{ finding = "untagged", columns = "crm.*.email", reason = "test data" }}]'
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
