from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import pytest

from meta_pipeline.demo import orchestrators
from meta_pipeline.demo.orchestrators import Orchestrator, run_by, without_own_orchestrator
from meta_pipeline.demo.schedule import Run
from meta_pipeline_capture.environment import ORCHESTRATORS, describe_environment

RUN = Run("weather", datetime(2026, 3, 6, 0, 7, tzinfo=timezone.utc), {})
NEXT_RUN = Run("weather", RUN.started_at + timedelta(hours=12), {})


@pytest.mark.parametrize(
    ("orchestrator", "name", "job"),
    [
        (orchestrators.github_actions, "github_actions", "acme-airports/pipelines/weather/load"),
        (orchestrators.gitlab_ci, "gitlab_ci", "airports/jfk/weather"),
        (orchestrators.airflow, "airflow", "finance_daily.weather"),
        (orchestrators.dagster, "dagster", "weather"),
        (orchestrators.prefect, "prefect", "flows/maintenance.py:weather"),
        (orchestrators.kubernetes, "kubernetes", "weather"),
    ],
)
def test_each_is_recognised_and_names_its_runs(orchestrator: Orchestrator, name: str, job: str) -> None:
    described = [describe_environment({}, orchestrator(run)) for run in (RUN, NEXT_RUN)]

    assert [(found["orchestrator"], found["job"]) for found in described] == [(name, job)] * 2
    assert None not in {found["run_id"] for found in described}
    assert described[0]["run_id"] != described[1]["run_id"]
    assert describe_environment({}, orchestrator(RUN)) == described[0]


def test_a_run_has_the_variables_of_its_orchestrator_and_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "of somebody else")
    before = dict(os.environ)
    with run_by(orchestrators.gitlab_ci, RUN):
        assert os.environ["CI_JOB_NAME"] == "weather"
    assert dict(os.environ) == before


def test_the_demos_own_orchestrator_is_not_that_of_its_pipelines() -> None:
    own = {name: "x" for orchestrator in ORCHESTRATORS for name in orchestrator.variables}
    kept = {"PATH": "/bin", "GITHUB_TOKEN": "y"}
    captured = {"META_PIPELINE_INBOX": "/inbox", "RUNTIME__DLTHUB_DSN": "https://traces.example.com"}

    assert without_own_orchestrator({**own, **kept, **captured}) == kept
