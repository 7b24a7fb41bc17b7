"""The workflow: what checks it, what it may do, and what its steps do where they can be run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from meta_pipeline.cli import main
from meta_pipeline.home import EMBEDDED, SERVERS
from meta_pipeline.init.files import REPOSITORY, own_workflow, workflow_of
from meta_pipeline.init.plan import Plan

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
SUMMARY_LIMIT = 1024 * 1024

VARIANTS: Mapping[str, str] = {
    "own": own_workflow(),
    **{
        f"home_{home}": workflow_of(Plan({"pg": "postgres", "lake": "filesystem"}, home))
        for home in (EMBEDDED, *SERVERS)
    },
    **{
        f"oidc_{oidc}_{home}": workflow_of(Plan({"a": oidc, "b": oidc, "pg": "postgres"}, home, "3 4 * * 1", oidc))
        for oidc in ("bigquery", "snowflake")
        for home in (EMBEDDED, oidc)
    },
    "no_extra": workflow_of(Plan({"file": "duckdb"})),
}


def parsed(variant: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(VARIANTS[variant])
    return found


def steps(variant: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parsed(variant)["jobs"]["observe"]["steps"]
    return found


def step(variant: str, words: str) -> dict[str, Any]:
    (found,) = [item for item in steps(variant) if words in item.get("run", "")]
    return found


def bash(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a step's script as GitHub's runners do, with files for what it sets."""
    files = {name: str(folder / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        Path(file).touch()
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **files, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def output(folder: Path) -> str:
    return (folder / "github_output").read_text(encoding="utf-8")


def test_this_repositorys_workflow_is_made_of_the_template() -> None:
    assert (ROOT / ".github" / "workflows" / "observe.yml").read_text(encoding="utf-8") == own_workflow()


def test_every_variant_passes_what_checks_workflows(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in VARIANTS.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    files = sorted(map(str, folder.iterdir()))

    schema = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files]
    for command in (schema, [BIN / "zizmor", "--offline", "--quiet", folder]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_actions_are_pinned_by_hash_and_lines_are_short(variant: str) -> None:
    used = re.findall(r"uses: (\S+)(.*)", VARIANTS[variant])

    assert used
    assert [
        name for name, version in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name) or "# v" not in version
    ] == []
    assert [line for line in VARIANTS[variant].splitlines() if len(line) > 130] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_runs_one_at_a_time_with_no_more_rights_than_it_needs(variant: str) -> None:
    workflow = parsed(variant)

    assert workflow["permissions"] == {}
    assert workflow["concurrency"] == {"group": "observe", "cancel-in-progress": False}
    rights = workflow["jobs"]["observe"]["permissions"]
    assert rights["contents"] == "read"
    assert ("id-token" in rights) == ("oidc" in variant)
    assert ("actions" in rights) == ("kept_on" in VARIANTS[variant])
    assert set(rights.values()) - {"write"} == {"read"}
    # YAML calls the key `on` true.
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_secret_that_is_needed_is_named_where_it_is_to_be_set(variant: str) -> None:
    read = set(re.findall(r"secrets\.(\w+)", VARIANTS[variant]))
    named = set(re.findall(r"^# +secret (\w+)", VARIANTS[variant], flags=re.MULTILINE))

    assert read == named
    assert ("GCP_SERVICE_ACCOUNT" in VARIANTS[variant]) == ("bigquery" in variant and "oidc" in variant)


@pytest.mark.parametrize("variant", ["home_postgres", "home_snowflake", "home_bigquery"])
def test_a_warehouse_as_home_needs_nothing_kept(variant: str) -> None:
    assert "cache" not in VARIANTS[variant]
    assert "artifact@" not in VARIANTS[variant].replace("upload-pages-artifact@", "")


def test_what_is_installed_comes_from_this_project() -> None:
    (install,) = [line for line in VARIANTS["home_snowflake"].splitlines() if '"meta-pipeline[' in line]

    assert install.strip().startswith(f'"meta-pipeline[postgres,report,s3,snowflake] @ git+{REPOSITORY}@v')
    assert REPOSITORY in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_command_in_it_is_one() -> None:
    used = {name for text in VARIANTS.values() for name in re.findall(r"meta-pipeline (\w+) ", text)}

    assert used >= {"run", "status"}
    assert used <= set(main.commands)


@pytest.mark.parametrize(
    ("environment", "code", "said", "written"),
    [
        ({}, 0, "::notice::Nothing observed, for nothing is set: DESTINATION__PG__CREDENTIALS", ""),
        ({"DESTINATION__PG__CREDENTIALS": "x"}, 1, "::error::Not set: DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS", ""),
        (
            {
                "DESTINATION__PG__CREDENTIALS": "x",
                "DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS_KEY_ID": "x",
                "DESTINATION__LAKE__CREDENTIALS__AWS_SECRET_ACCESS_KEY": "x",
                "DESTINATION__LAKE__CREDENTIALS__REGION_NAME": "x",
            },
            0,
            "",
            "yes=true\n",
        ),
    ],
)
def test_nothing_is_observed_until_all_secrets_are_set(
    environment: dict[str, str], code: int, said: str, written: str, tmp_path: Path
) -> None:
    done = bash(step("home_duckdb", "missing=()")["run"], tmp_path, **environment)

    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert output(tmp_path) == written


def artifact(number: int, created_at: str, **changes: Any) -> dict[str, Any]:
    run = {"id": number, "head_branch": "main", "repository_id": 1, "head_repository_id": 1}
    run |= {key: value for key, value in changes.items() if key in run}
    return {"expired": changes.get("expired", False), "created_at": created_at, "workflow_run": run}


@pytest.fixture
def github(tmp_path: Path) -> dict[str, str]:
    """Puts a `gh` into the path that answers with the file `answer`, as the filter leaves it, and notes downloads."""
    folder = tmp_path / "bin"
    folder.mkdir()
    gh = folder / "gh"
    gh.write_text(
        '#!/usr/bin/env bash\nif [ "$1" = api ]; then jq --raw-output "$4" answer; else echo "$@" >> downloads; fi\n'
    )
    gh.chmod(0o755)
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_REF_NAME": "main",
    }


needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="there is no jq, which stands for that of gh")


@needs_jq
def test_an_evicted_home_is_taken_from_the_newest_artifact_of_the_branch(
    tmp_path: Path, github: dict[str, str]
) -> None:
    found = [
        artifact(1, "2026-01-01T00:00:00Z"),
        artifact(2, "2026-01-03T00:00:00Z"),
        artifact(3, "2026-01-02T00:00:00Z"),
        artifact(4, "2026-01-04T00:00:00Z", expired=True),
        artifact(5, "2026-01-05T00:00:00Z", head_repository_id=2),
        artifact(6, "2026-01-06T00:00:00Z", head_branch="somebody/tries"),
    ]
    (tmp_path / "answer").write_text(json.dumps({"artifacts": found}))
    restore = step("own", "gh run download")

    done = bash(restore["run"], tmp_path, **github, NEWEST=restore["env"]["NEWEST"])

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "downloads").read_text() == "run download 2 --repo owner/name --name observability\n"


@needs_jq
def test_where_nothing_is_kept_it_is_made_anew(tmp_path: Path, github: dict[str, str]) -> None:
    (tmp_path / "answer").write_text('{"artifacts": []}')
    restore = step("own", "gh run download")

    done = bash(restore["run"], tmp_path, **github, NEWEST=restore["env"]["NEWEST"])

    assert done.returncode == 0, done.stderr
    assert "::notice::No meta_pipeline.duckdb is kept" in done.stdout
    assert not (tmp_path / "downloads").exists()


def test_a_home_that_the_cache_still_has_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "meta_pipeline.duckdb").touch()

    assert bash(step("own", "gh run download")["run"], tmp_path).returncode == 0


@needs_jq
@pytest.mark.parametrize(("private", "written"), [("true", "today=true\n"), ("false", "")])
def test_a_private_repository_keeps_a_copy_a_day(
    private: str, written: str, tmp_path: Path, github: dict[str, str]
) -> None:
    (tmp_path / "answer").write_text(f'{{"private": {private}}}')
    (tmp_path / "meta_pipeline.duckdb").touch()
    keep = step("own", "kept_on")["run"]

    assert bash(keep, tmp_path, **github).returncode == 0
    assert output(tmp_path) == written
    assert bash(keep, tmp_path, **github).returncode == 0
    assert output(tmp_path) == written, "the second run of the day adds none"


class TokenHandler(BaseHTTPRequestHandler):
    """Gives a token to whoever asks for the audience of Snowflake, as GitHub does."""

    def do_GET(self) -> None:
        is_asked = self.path.endswith("&audience=snowflakecomputing.com")
        is_known = self.headers["Authorization"] == "bearer request token"
        self.send_response(200 if is_asked and is_known else 403)
        self.end_headers()
        self.wfile.write(b'{"value": "the token"}')

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def token_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/?api-version=2"
        server.shutdown()


@needs_jq
@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_snowflake_gets_the_token_of_the_job(tmp_path: Path, token_server: str) -> None:
    script = step("oidc_snowflake_snowflake", "audience=")["run"]
    asking = {"ACTIONS_ID_TOKEN_REQUEST_URL": token_server, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request token"}

    done = bash(script, tmp_path, **asking)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "::add-mask::the token\n"
    assert (tmp_path / "github_env").read_text().splitlines() == [
        f"DESTINATION__{name}__CREDENTIALS__TOKEN=the token" for name in ("A", "B", "OBSERVABILITY")
    ]
    assert bash(script, tmp_path, **{**asking, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}).returncode != 0
