from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from meta_pipeline import __version__
from meta_pipeline.cli import main
from tests.fixtures.collected import clear_environment

Run = Callable[..., Result]

COMMANDS = sorted(main.commands)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder."""
    clear_environment(monkeypatch)
    for name in ("RUNTIME__DLTHUB_TELEMETRY", "DBT_SEND_ANONYMOUS_USAGE_STATS", "RUNTIME__LOG_LEVEL"):
        monkeypatch.setenv(name, "false" if "LEVEL" not in name else "CRITICAL")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    command = main.commands[name]

    assert command.help
    assert command.help.strip().endswith(".")
    for option in command.params:
        if isinstance(option, click.Argument):
            continue
        assert isinstance(option, click.Option)
        assert option.help, option.name


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"demo", "receive"}))
def test_every_command_has_json(name: str) -> None:
    assert "--json" in {flag for option in main.commands[name].params for flag in option.opts}


def test_force_needs_the_folder_whose_files_it_is_for(run: Run) -> None:
    result = run("annotate", "--force")

    assert result.exit_code == 2
    assert "Add that, or leave it out" in result.output


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("check", "--help"), ("collect", "-h")])
def test_help_is_given(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_list_of_commands_says_of_each_in_full_what_it_does(run: Run) -> None:
    assert "..." not in run("--help").output.partition("Commands:")[2]


def test_the_exit_codes_are_explained(run: Run) -> None:
    assert "Exit codes: 0" in run("--help").output


def test_the_version_is_told(run: Run) -> None:
    assert __version__ in run("--version").output


@pytest.mark.parametrize("arguments", [("--help",), ("status", "--help")])
def test_help_starts_without_dlt_and_dbt(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys\nfrom meta_pipeline.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'dlt', 'dbt', 'duckdb', 'pyarrow', 'psycopg2', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["check", "collect", "run"])
def test_without_any_configuration_it_says_what_to_write(run: Run, command: str) -> None:
    result = run(command)

    assert result.exit_code == 2
    assert "meta-pipeline init" in result.output
    assert "[sources.dlt_metadata]" in result.output
    assert 'destinations = ["finance_pg"]' in result.output
    assert list(Path.cwd().iterdir()) == [], "nothing is written"


def test_status_without_a_home_says_what_to_run(run: Run) -> None:
    result = run("status")

    assert result.exit_code == 2
    assert "Run: meta-pipeline run" in result.output
    assert list(Path.cwd().iterdir()) == [], "nothing is written"


def test_watching_needs_a_terminal(run: Run) -> None:
    result = run("status", "--watch")

    assert result.exit_code == 2
    assert "this is none" in result.output


@pytest.mark.parametrize(
    "arguments", [("--watch", "--json"), ("--markdown", "--json"), ("--watch", "orders"), ("--markdown", "orders")]
)
def test_ways_to_show_the_status_that_exclude_each_other_are_told(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("status", *arguments)

    assert result.exit_code == 2
    assert "--markdown" in result.output


@pytest.mark.parametrize("arguments", [("status", "orders"), ("status", "--markdown"), ("explain", "orders")])
def test_without_a_home_every_view_says_what_to_run(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Run: meta-pipeline run" in result.output


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", ""])
def test_a_time_that_is_none_is_told(run: Run, time: str) -> None:
    result = run("transform", "--as-of", time)

    assert result.exit_code == 2
    assert "2026-02-09T06:00" in result.output


def test_a_misspelt_command_or_option_ends_with_2(run: Run) -> None:
    assert run("chek").exit_code == 2
    assert run("check", "--jsn").exit_code == 2


def test_a_file_that_is_not_toml_is_told(run: Run) -> None:
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text("x = [", encoding="utf-8")

    result = run("check")

    assert result.exit_code == 2
    assert "config.toml is not valid TOML" in result.output


def test_check_gives_its_findings_as_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DLT_METADATA__SCHEMA_EXPORTS", '["nowhere"]')

    result = run("check", "--json")

    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert found["home"] == str(Path.cwd() / "meta_pipeline.duckdb")
    assert [(item["dataset_name"], item["is_fault"]) for item in found["findings"]] == [("nowhere", True)]
    assert found["problems"] == [
        "schema_exports.nowhere: there is no folder nowhere. Check schema_exports in .dlt/config.toml"
    ]


def test_check_counts_datasets_apart_from_other_places(run: Run) -> None:
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text('[sources.dlt_metadata]\nschema_exports = ["exports"]', encoding="utf-8")
    Path("exports").mkdir()

    assert "0 datasets and 1 other place will be read" in run("check").output


def test_stopping_a_demo_that_is_not_here_does_not_say_that_it_is_stopped(run: Run) -> None:
    result = run("demo", "--stop")

    assert result.exit_code == 0
    assert "There is no folder demo-fleet here, so nothing was stopped" in result.output


def break_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("meta_pipeline.config.find_home", broken)


def test_an_unforeseen_error_ends_with_2_and_is_not_quoted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch)

    result = run("check")

    assert result.exit_code == 2
    assert "RuntimeError" in result.output
    assert "hunter2" not in result.output


def test_an_interrupt_at_a_question_ends_like_any_other(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Path) -> None:
        raise click.Abort

    monkeypatch.setattr("meta_pipeline.config.find_home", interrupted)

    result = run("check")

    assert result.exit_code == 130
    assert "Interrupted" in result.output


def test_verbose_shows_where_it_broke_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch)

    assert "Traceback" in run("--verbose", "check").output


def configure_alerts(*lines: str) -> None:
    Path(".dlt").mkdir(exist_ok=True)
    Path(".dlt/config.toml").write_text("\n".join(["[alert]", *lines]), encoding="utf-8")


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--json",)])
def test_alert_without_a_home_says_what_to_run(run: Run, options: tuple[str, ...]) -> None:
    result = run("alert", *options)

    assert result.exit_code == 2
    assert "Run: meta-pipeline run" in result.output
    assert "would be told" not in result.output


@pytest.mark.parametrize("command", ["alert", "run", "check"])
def test_settings_of_alerts_that_cannot_be_meant_are_refused_before_anything_is_done(run: Run, command: str) -> None:
    configure_alerts('at_least = "everything"')

    result = run(command)

    assert result.exit_code == 2
    assert "at_least of [alert] is 'everything'" in result.output
    assert not list(Path.cwd().glob("*.duckdb"))


def test_check_tells_settings_of_alerts_that_nothing_reads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DLT_METADATA__SCHEMA_EXPORTS", '["."]')
    configure_alerts("remind_after = 3")

    result = run("check")

    assert result.exit_code == 2
    assert "Did you mean 'remind_after_hours'?" in result.output
