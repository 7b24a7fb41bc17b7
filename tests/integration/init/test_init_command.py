"""`meta-pipeline init` in an empty folder, and what the workflow that it writes does there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

from tests.fixtures.command import COMMAND, environment, run, run_on_terminal
from tests.fixtures.observed import ObservedDuckDb, ObservedPostgres, accounts
from tests.integration.home.homes import new_database


def fill_in(folder: Path, credentials: dict[str, str]) -> None:
    """Puts real credentials into the secrets, as a user does."""
    file = folder / ".dlt" / "secrets.toml"
    secrets = tomlkit.parse(file.read_text(encoding="utf-8"))
    for name, value in credentials.items():
        secrets["destination"][name]["credentials"] = value  # type: ignore[index]
    file.write_text(tomlkit.dumps(secrets), encoding="utf-8")


@pytest.fixture
def credentials(tmp_path: Path, postgres_url: str) -> dict[str, str]:
    """A DuckDB file and a PostgreSQL database, each with a pipeline's load, and an empty database."""
    duckdb = ObservedDuckDb(tmp_path / "duckdb")
    postgres = ObservedPostgres(tmp_path / "postgres", postgres_url, f"init_{os.urandom(6).hex()}").create()
    for name, observed in {"invoices": duckdb, "ledger": postgres}.items():
        observed.run(name, "finance", accounts([1, 2], "append"))
    home = new_database(postgres_url, f"init_home_{os.urandom(6).hex()}")
    return {"files": str(duckdb.file), "finance_pg": postgres.url, "observability": home}


@pytest.mark.parametrize("home", ["duckdb", pytest.param("postgres", marks=pytest.mark.long)])
def test_what_init_leaves_open_is_told_and_once_filled_in_all_works(
    home: str, tmp_path: Path, credentials: dict[str, str]
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    options = ["--destination", "files=duckdb", "--destination", "finance_pg=postgres", "--home", home]
    assert run(folder, "init", *options, "--yes").code == 0

    before, refused = run(folder, "check"), run(folder, "run")
    fill_in(folder, {key: value for key, value in credentials.items() if home == "postgres" or key != "observability"})
    after, done = run(folder, "check"), run(folder, "run", "--json")

    assert before.code == 2
    assert "credentials of [destination.finance_pg] in .dlt/secrets.toml is still a placeholder: <user>" in before.out
    assert ("[destination.observability] in .dlt/secrets.toml is still" in before.err) == (home == "postgres")
    assert refused.code == 2
    assert "is still a placeholder" in refused.err
    assert after.code == 0, after.err
    assert done.code == 0, done.err
    assert {item["pipeline_name"] for item in done.json["pipelines"]} == {"invoices", "ledger"}


def test_the_steps_of_the_workflow_run_and_summarize(tmp_path: Path, credentials: dict[str, str]) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    assert run(folder, "init", "--destination", "finance_pg=postgres", "--yes").code == 0
    (folder / ".dlt" / "secrets.toml").unlink()
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "observe.yml").read_text(encoding="utf-8"))
    scripts = [step["run"] for step in workflow["jobs"]["observe"]["steps"] if "meta-pipeline" in step.get("run", "")]
    scripts = [script for script in scripts if re.match("meta-pipeline (run|status) ", script)]
    variables = environment(
        PATH=f"{COMMAND.parent}:{os.environ['PATH']}",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
        DESTINATION__FINANCE_PG__CREDENTIALS=credentials["finance_pg"],
        ALERT__CHANNELS__SLACK="",
        ALERT__HEARTBEAT_URL="",
    )

    done = [subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=variables, check=False) for script in scripts]

    assert len(scripts) == 2
    assert [item.returncode for item in done] == [0, 0]
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("## meta-pipeline\n\n1 new in 1 dataset")
    assert "Nothing is wrong." in summary


def test_without_a_terminal_it_asks_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "init")

    assert done.code == 2
    assert "--destination finance_pg=postgres" in done.err
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_is_told_in_json(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")

    first = run(tmp_path, "init", "--destination", "a=duckdb", "--no-workflow", "--json")
    second = run(tmp_path, "init", "--destination", "a=duckdb", "--no-workflow", "--json")

    assert {item["path"]: item["action"] for item in first.json["files"]} == {
        ".gitignore": "completed",
        ".dlt/config.toml": "written",
        ".dlt/secrets.toml": "written",
    }
    assert {item["action"] for item in second.json["files"]} == {"left"}


def test_on_a_terminal_it_asks_and_answers_typing_errors(tmp_path: Path) -> None:
    destinations = "finance_pg=postgre\nfinance_pg=postgres\nfinance_pg=duckdb\nlake=filesystem\n\n"
    answers = f"{destinations}snowflak\nsnowflake\ny\n23 5 * * *\n"

    code, shown = run_on_terminal(tmp_path, "init", answers=answers)

    assert code == 0, shown
    assert "Did you mean 'postgres'?" in shown
    assert "'finance_pg' is named twice" in shown
    assert "Did you mean 'snowflake'?" in shown
    config: Any = tomlkit.parse((tmp_path / ".dlt" / "config.toml").read_text(encoding="utf-8"))
    assert config["sources"]["dlt_metadata"]["destinations"] == ["finance_pg", "lake"]
    assert config["destination"]["observability"]["destination_type"] == "snowflake"
    assert 'cron: "23 5 * * *"' in (tmp_path / ".github" / "workflows" / "observe.yml").read_text(encoding="utf-8")
