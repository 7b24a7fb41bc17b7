from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.config import (
    DestinationSettings,
    ReportSettings,
    Settings,
    destination_hint,
    find_home,
    minimum_lineage_coverage,
    parse_settings,
    read_expected_within_hours,
    read_report_settings,
    read_settings,
    read_table,
)
from meta_pipeline.exceptions import ConfigurationError
from tests.fixtures.collected import clear_environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    return tmp_path


def write(folder: Path, config: str = "", secrets: str = "") -> None:
    (folder / ".dlt" / "config.toml").write_text(config, encoding="utf-8")
    (folder / ".dlt" / "secrets.toml").write_text(secrets, encoding="utf-8")


def test_names_get_the_defaults_above_them_and_tables_override_them() -> None:
    settings = parse_settings(
        {
            "destinations": ["lake", {"name": "pg", "datasets": ["crm_*"], "row_counts": "scan"}],
            "exclude_datasets": ["*_test"],
            "row_counts": "metadata",
        }
    )

    assert settings == Settings(
        (
            DestinationSettings("lake", exclude_datasets=("*_test",)),
            DestinationSettings("pg", datasets=("crm_*",), exclude_datasets=("*_test",), row_counts="scan"),
        )
    )


def test_folders_of_exports_may_be_all_there_is_to_read() -> None:
    assert parse_settings({"schema_exports": ["exports"]}) == Settings((), ("exports",))


def test_keys_of_other_stages_are_no_problem() -> None:
    assert parse_settings({"destinations": ["pg"], "inbox": "inbox", "dbt_artifacts": []}).problems == ()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"destinations": ["pg"], "row_count": "scan"}, ["'row_count'", "Did you mean 'row_counts'?"]),
        ({"destinations": ["pg"], "dataset": ["a"]}, ["'dataset'", "Did you mean 'datasets'?"]),
        ({"destinations": ["pg"], "zzz": 1}, ["'zzz' in [sources.dlt_metadata]: nothing reads it."]),
        ({"destinations": [{"name": "pg", "rowcounts": "scan"}]}, ["destination 'pg'", "Did you mean 'row_counts'?"]),
        ({"destinations": [{"name": "pg", "schema_exports": []}]}, ["'schema_exports' in destination 'pg'"]),
    ],
)
def test_a_key_that_nothing_reads_is_a_problem_and_the_rest_is_used(raw: Mapping[str, Any], words: list[str]) -> None:
    settings = parse_settings(raw)

    assert [destination.name for destination in settings.destinations] == ["pg"]
    assert len(settings.problems) == 1
    assert [word for word in words if word not in settings.problems[0]] == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "No destination to observe"),
        ({"destinations": []}, "No destination to observe"),
        ({"destinations": "pg"}, "must be a list"),
        ({"destinations": 5}, "must be a list"),
        ({"destinations": {"pg": {}}}, "must be a list"),
        ({"destinations": [5]}, "a name or a table with a name, not 5"),
        ({"destinations": [{"datasets": ["a"]}]}, "a name or a table with a name"),
        ({"destinations": ["pg", "lake", {"name": "pg"}]}, "Named twice in destinations: pg"),
        ({"destinations": ["pg"], "datasets": "crm"}, "datasets must be a list of strings"),
        ({"destinations": ["pg"], "datasets": 5}, "datasets must be a list of strings"),
        ({"destinations": ["pg"], "datasets": [1]}, "datasets must be a list of strings"),
        ({"destinations": ["pg"], "exclude_datasets": {"a": 1}}, "exclude_datasets must be a list of strings"),
        ({"destinations": ["pg"], "schema_exports": "x"}, "schema_exports must be a list of strings"),
        ({"destinations": ["pg"], "row_counts": "scann"}, "one of metadata, scan. Did you mean 'scan'?"),
        ({"destinations": [{"name": "pg", "row_counts": True}]}, "row_counts of destination 'pg'"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told(raw: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_settings(raw)

    assert words in str(raised.value)


def test_secrets_go_over_the_configuration(folder: Path) -> None:
    write(folder, "[destination.pg]\na = 1\nb = 1", "[destination.pg]\nb = 2")

    assert read_table(folder, ("destination", "pg")) == {"a": 1, "b": 2}


def test_where_there_is_no_file_or_table_there_is_nothing(folder: Path) -> None:
    assert read_table(folder, ("destination", "pg")) == {}
    write(folder, 'destination = "text"')
    assert read_table(folder, ("destination", "pg")) == {}
    assert read_table(folder / "nowhere", ("destination", "pg")) == {}


@pytest.mark.parametrize("content", [b"x = [", b"[a\nb = 1", b"\xff\xfe", b"a = 1\na = 2"])
@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_invalid_toml_is_told_with_its_file(folder: Path, name: str, content: bytes) -> None:
    (folder / ".dlt" / name).write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"{name} is not valid TOML"):
        read_settings(folder)


def test_invalid_toml_is_not_quoted(folder: Path) -> None:
    write(folder, secrets='[destination.pg]\npassword = "hunter2"\npassword = "hunter2"')

    with pytest.raises(ConfigurationError) as raised:
        read_settings(folder)

    assert "hunter2" not in str(raised.value)


def test_environment_variables_go_over_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, '[sources.dlt_metadata]\ndestinations = ["a"]\nrow_counts = "scan"')
    monkeypatch.setenv("SOURCES__DLT_METADATA__DESTINATIONS", '["b", {"name": "c", "datasets": ["x"]}]')

    assert read_settings(folder) == {"destinations": ["b", {"name": "c", "datasets": ["x"]}], "row_counts": "scan"}


def test_the_environment_may_be_all_there_is(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DLT_METADATA__DESTINATIONS", '["pg"]')
    monkeypatch.setenv("SOURCES__DLT_METADATA__ROW_COUNT", "scan")

    settings = parse_settings(read_settings(tmp_path / "nowhere"))

    assert [destination.name for destination in settings.destinations] == ["pg"]
    assert "Did you mean 'row_counts'?" in settings.problems[0]


@pytest.mark.parametrize(("value", "words"), [('["pg"', "is not JSON"), ("pg", "must be a list")])
def test_a_variable_that_must_be_a_list_is_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setenv("SOURCES__DLT_METADATA__DESTINATIONS", value)

    with pytest.raises(ConfigurationError, match=words):
        parse_settings(read_settings(folder))


def test_a_misspelt_destination_gets_a_hint(folder: Path) -> None:
    write(folder, "[destination.finance_pg]\na = 1\n[destination.lake]\na = 1")

    assert destination_hint("finance_gp", folder) == (
        "Configured in .dlt/config.toml: finance_pg, lake. Did you mean 'finance_pg'?"
    )
    assert destination_hint("zzz", folder / "nowhere") == "Configured in .dlt/config.toml: none."


def test_the_home_is_a_file_in_the_folder_unless_it_is_named(folder: Path) -> None:
    home = find_home(folder)

    assert (home.destination_type, home.database) == ("duckdb", str(folder / "meta_pipeline.duckdb"))
    assert home.work_folder == folder / ".meta_pipeline"


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ('credentials = "other.duckdb"', "other.duckdb"),
        ('credentials = "duckdb:///other.duckdb"', "other.duckdb"),
        ('credentials.database = "sub/other.duckdb"', "sub/other.duckdb"),
        ('destination_type = "dlt.destinations.duckdb"', "meta_pipeline.duckdb"),
    ],
)
def test_the_home_is_where_the_configuration_says(folder: Path, secrets: str, expected: str) -> None:
    write(folder, secrets=f"[destination.observability]\n{secrets}")

    assert find_home(folder).database == str(folder / expected)


def test_an_absolute_path_of_the_home_stays_as_it_is(folder: Path) -> None:
    write(folder, secrets='[destination.observability]\ncredentials = "duckdb:////data/other.duckdb"')

    assert find_home(folder).database == "/data/other.duckdb"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DESTINATION__OBSERVABILITY__CREDENTIALS", "env.duckdb"),
        ("DESTINATION__OBSERVABILITY__CREDENTIALS", '{"database": "env.duckdb"}'),
        ("DESTINATION__OBSERVABILITY__CREDENTIALS__DATABASE", "env.duckdb"),
    ],
)
def test_the_environment_says_where_the_home_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    write(folder, secrets='[destination.observability]\ncredentials = "file.duckdb"')
    monkeypatch.setenv(variable, value)

    assert find_home(folder).database == str(folder / "env.duckdb")


@pytest.mark.parametrize("destination_type", ["postgres", "dlt.destinations.snowflake", "bigquery"])
def test_a_home_on_a_server_is_named_without_its_credentials(folder: Path, destination_type: str) -> None:
    write(
        folder,
        f'[destination.observability]\ndestination_type = "{destination_type}"',
        '[destination.observability]\ncredentials = "postgresql://u:hunter2@h/d"',
    )

    home = find_home(folder)

    assert home.destination_type == destination_type.rsplit(".", maxsplit=1)[-1]
    assert home.database == f"[destination.observability] ({home.destination_type})"
    assert "hunter2" not in repr(home)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mssql", "lives on one of: duckdb, postgres, snowflake, bigquery"),
        ("postgresql", "Did you mean 'postgres'"),
    ],
)
def test_a_home_of_another_type_is_refused(folder: Path, kind: str, words: str) -> None:
    write(folder, f'[destination.observability]\ndestination_type = "{kind}"')

    with pytest.raises(ConfigurationError, match=words):
        find_home(folder)


@pytest.mark.parametrize(
    "secrets",
    [
        'credentials = ":memory:"',
        'credentials = "md:db?motherduck_token=hunter2"',
    ],
)
def test_a_home_that_is_no_duckdb_file_is_refused_without_quoting_it(folder: Path, secrets: str) -> None:
    write(folder, secrets=f"[destination.observability]\n{secrets}")

    with pytest.raises(ConfigurationError) as raised:
        find_home(folder)

    assert "hunter2" not in str(raised.value)


def test_a_misspelt_section_is_told_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[sources.dlt_metdata]\ndestinations = ["a"]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"\[sources.dlt_metdata\]. Did you mean \[sources.dlt_metadata\]"):
        read_settings(tmp_path)


def test_what_a_destination_may_take_and_cost_is_its_own() -> None:
    entry = {"name": "bq", "timeout_seconds": 60, "maximum_bytes_billed": 10**9}

    first, second = parse_settings({"destinations": [entry, "pg"]}).destinations

    assert (first.timeout_seconds, first.maximum_bytes_billed) == (60, 10**9)
    assert (second.timeout_seconds, second.maximum_bytes_billed) == (3_600, None)
    settings = parse_settings({"destinations": ["pg"], "maximum_bytes_billed": 5})
    assert settings.destinations[0].maximum_bytes_billed is None
    assert "'maximum_bytes_billed'" in settings.problems[0]


@pytest.mark.parametrize("key", ["timeout_seconds", "maximum_bytes_billed"])
@pytest.mark.parametrize("value", [0, -1, "10 GB", 1.5, True])
def test_a_bound_is_a_whole_number(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"{key} of destination 'bq' must be a whole number above 0"):
        parse_settings({"destinations": [{"name": "bq", key: value}]})


def test_an_inbox_or_a_working_folder_is_enough_to_observe() -> None:
    assert parse_settings({"inbox": "s3://events/inbox"}).inbox == "s3://events/inbox"
    assert parse_settings({"pipelines_dirs": ["~/.dlt/pipelines"]}).pipelines_dirs == ("~/.dlt/pipelines",)


def test_an_inbox_is_one_folder_or_url() -> None:
    with pytest.raises(ConfigurationError, match="inbox must be a text"):
        parse_settings({"inbox": ["a", "b"]})


def test_the_credentials_of_the_inbox_are_read_by_dlt() -> None:
    raw = {"inbox": "s3://events/inbox", "filesystem__credentials__region_name": "eu", "filesystem": {}}

    assert parse_settings(raw).problems == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ('expected_within_hours = { "crm_*" = 6, weekly = 0.5 }', {"crm_*": 6.0, "weekly": 0.5}),
    ],
)
def test_hours_by_pipeline_are_read(
    line: str, expected: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(f"[transform]\n{line}\n")

    assert read_expected_within_hours(tmp_path) == expected


def test_hours_by_pipeline_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("TRANSFORM__EXPECTED_WITHIN_HOURS", '{"crm_*": 6}')

    assert read_expected_within_hours(tmp_path) == {"crm_*": 6.0}


@pytest.mark.parametrize(
    "line",
    [
        'expected_within_hours = ["crm_*"]',
        'expected_within_hours = { "crm_*" = 0 }',
        'expected_within_hours = { "crm_*" = true }',
        'expected_within_hours = { "crm_*" = inf }',
        'expected_within_hours = { "crm_*" = "6h" }',
        "expected_within = {}",
    ],
)
def test_what_is_no_table_of_hours_is_refused(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(f"[transform]\n{line}\n")

    with pytest.raises(ConfigurationError, match="expected_within_hours"):
        read_expected_within_hours(tmp_path)


def test_the_least_coverage_of_lineage_is_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    assert minimum_lineage_coverage(tmp_path) is None

    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[lineage]\nminimum_coverage = 0.9\n")
    assert minimum_lineage_coverage(tmp_path) == 0.9
    monkeypatch.setenv("LINEAGE__MINIMUM_COVERAGE", "0.5")
    assert minimum_lineage_coverage(tmp_path) == 0.5


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("minimum_coverage = 90", "must be a number from 0 to 1"),
        ('minimum_coverage = "all"', "must be a number from 0 to 1"),
        ("minimum_cover = 0.9", "Did you mean 'minimum_coverage'?"),
    ],
)
def test_a_coverage_that_is_no_share_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(f"[lineage]\n{setting}\n")

    with pytest.raises(ConfigurationError) as told:
        minimum_lineage_coverage(tmp_path)

    assert words in str(told.value)


def test_a_page_is_written_where_the_configuration_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    assert read_report_settings(tmp_path) == ReportSettings(out=None, with_details=False)

    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[report]\nout = "site"\n')
    assert read_report_settings(tmp_path) == ReportSettings(out=Path("site"), with_details=False)
    monkeypatch.setenv("REPORT__WITH_DETAILS", "true")
    assert read_report_settings(tmp_path) == ReportSettings(out=Path("site"), with_details=True)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("with_details = 1", "must be true or false"),
        ('with_details = "yes"', "must be true or false"),
        ("out = 3", "out must be a text"),
        ('output = "site"', "Did you mean 'out'?"),
    ],
)
def test_what_is_no_setting_of_a_page_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(f"[report]\n{setting}\n")

    with pytest.raises(ConfigurationError) as told:
        read_report_settings(tmp_path)

    assert words in str(told.value)
