from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from meta_pipeline.collect.opening import _configuration
from meta_pipeline.config import parse_settings, read_settings
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.init.files import IGNORED, FileResult, write_files
from meta_pipeline.init.kinds import KINDS
from meta_pipeline.init.plan import Oidc, Plan
from tests.fixtures.collected import clear_environment

PLAN = Plan({"pg": "postgres", "lake": "filesystem"}, "bigquery")
FILES = (".gitignore", ".dlt/config.toml", ".dlt/secrets.toml", ".github/workflows/observe.yml")
NEEDS_PYODBC = ("mssql", "synapse")


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Plan], Any]]:
    """Writes a plan into an empty folder, fills it in, and returns what dlt makes of its destination `it`."""

    def resolve(plan: Plan) -> Any:
        clear_environment(monkeypatch)
        write_files(tmp_path, plan)
        fill_in(tmp_path)
        _log_in(tmp_path, monkeypatch)
        Container()[PluggableRunContext].reload_providers()
        return _configuration("it")

    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        yield resolve
    Container()[PluggableRunContext].reload_providers()


def actions(results: list[FileResult]) -> dict[str, str]:
    return {item.path: item.action for item in results}


def fill_in(folder: Path) -> None:
    """Replaces every placeholder by its own words."""
    for name in ("config.toml", "secrets.toml"):
        file = folder / ".dlt" / name
        key = "-----BEGIN PRIVATE KEY-----\\nMIIB\\n-----END PRIVATE KEY-----\\n"
        text = file.read_text(encoding="utf-8").replace("<private key>", key)
        file.write_text(re.sub("<([a-z ]+)>", lambda found: found[1].replace(" ", "_"), text), encoding="utf-8")


def test_all_files_are_written(tmp_path: Path) -> None:
    assert actions(write_files(tmp_path, PLAN)) == dict.fromkeys(FILES, "written")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(FILES)


def test_only_their_owner_can_read_the_secrets(tmp_path: Path) -> None:
    write_files(tmp_path, PLAN)

    assert (tmp_path / ".dlt" / "secrets.toml").stat().st_mode & 0o777 == 0o600


def test_without_a_schedule_there_is_no_workflow(tmp_path: Path) -> None:
    write_files(tmp_path, Plan({"pg": "postgres"}, cron=None))

    assert not (tmp_path / ".github").exists()


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    for name in FILES[1:]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")

    assert actions(write_files(tmp_path, PLAN)) == {FILES[0]: "written", **dict.fromkeys(FILES[1:], "left")}
    assert {(tmp_path / name).read_text() for name in FILES[1:]} == {"mine"}


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, PLAN)
    before = {name: (tmp_path / name).read_text() for name in FILES}

    assert set(actions(write_files(tmp_path, Plan({"other": "duckdb"}))).values()) == {"left"}
    assert {name: (tmp_path / name).read_text() for name in FILES} == before


def test_a_gitignore_gets_the_lines_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("node_modules/\n*.duckdb")

    (ignored, *_) = write_files(tmp_path, PLAN)

    missing = [line for line in IGNORED if line != "*.duckdb"]
    assert ignored == FileResult(".gitignore", "completed", missing)
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines == ["node_modules/", "*.duckdb", "", "# meta-pipeline", *missing]


def test_git_sees_neither_the_secrets_nor_the_home(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    write_files(tmp_path, PLAN)
    for name in ("meta_pipeline.duckdb", "meta_pipeline.duckdb.lock", ".meta_pipeline/target"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert listed.stdout.split() == [".dlt/config.toml", ".github/workflows/observe.yml", ".gitignore"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".dlt").write_text("a file")

    with pytest.raises(ConfigurationError, match=r"\.dlt/config\.toml could not be written: .*run init again"):
        write_files(tmp_path, PLAN)


def test_the_settings_are_those_that_collect_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    write_files(tmp_path, PLAN)

    settings = parse_settings(read_settings(tmp_path))

    assert [item.name for item in settings.destinations] == ["pg", "lake"]
    assert settings.problems == ()
    config = tomlkit.parse((tmp_path / ".dlt" / "config.toml").read_text()).unwrap()
    assert config["destination"]["observability"] == {"destination_type": "bigquery", "location": "EU"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NEEDS_PYODBC])
def test_dlt_understands_what_is_filled_in(kind: str, configured: Callable[[Plan], Any]) -> None:
    configuration = configured(Plan({"it": kind}))

    assert configuration.destination_type.endswith(kind)
    assert configuration.credentials.is_resolved()


@pytest.mark.parametrize("kind", ["bigquery", "snowflake"])
def test_dlt_understands_what_needs_no_secret(kind: Oidc, configured: Callable[[Plan], Any]) -> None:
    configuration = configured(Plan({"it": kind}, oidc=kind))

    if kind == "snowflake":
        assert configuration.credentials.to_connector_params().items() >= {
            ("authenticator", "WORKLOAD_IDENTITY"),
            ("workload_identity_provider", "OIDC"),
            ("token", "a token"),
            ("user", "user"),
        }
    else:
        assert configuration.credentials.has_default_credentials()
        assert configuration.project_id == "project"


def _log_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Leaves what the steps of the workflow before it leave."""
    patch.setenv("DESTINATION__IT__CREDENTIALS__TOKEN", "a token")
    (folder / "token").write_text("a token")
    pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
    (folder / "google.json").write_text(
        f'{{"type": "external_account", "audience": "{pool}", "token_url": "https://sts.googleapis.com/v1/token", '
        f'"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", '
        f'"credential_source": {{"file": "{folder / "token"}"}}}}'
    )
    patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "google.json"))
    patch.setenv("GOOGLE_CLOUD_PROJECT", "project")
