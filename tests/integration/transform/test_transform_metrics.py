"""Metrics as MetricFlow itself answers them on the marts, in an environment of its own (`make test-bi`)."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from meta_pipeline.transform.profile import home_profile
from meta_pipeline.transform.project import project_folder
from tests.integration.transform.fleet import FleetHome

pytestmark = pytest.mark.bi

METRICFLOW = Path(__file__).resolve().parents[3] / ".venv-metricflow" / "bin"
PROJECT = shutil.ignore_patterns("target", "logs")

Answers = list[dict[str, str]]
Ask = Callable[..., Answers]


@pytest.fixture(scope="module")
def ask(fleet_home: FleetHome, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks for metrics, grouped by dimensions."""
    if not (METRICFLOW / "mf").exists():
        pytest.skip("MetricFlow is not installed; run: make test-bi")
    fleet_home.restore("second transform")
    folder = tmp_path_factory.mktemp("metricflow")
    project = folder / "project"
    shutil.copytree(project_folder(), project, ignore=PROJECT)
    home_profile(fleet_home.home).write(folder)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"DBT_PROFILES_DIR": str(folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

    def run(*command: str) -> None:
        done = subprocess.run(
            [str(METRICFLOW / command[0]), *command[1:]],
            cwd=project,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def answer(metrics: str, group_by: str, *options: str) -> Answers:
        path = folder / "answer.csv"
        run("mf", "query", "--metrics", metrics, "--group-by", group_by, *options, "--csv", str(path))
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    run("dbt", "parse")
    return answer


def test_every_metric_can_be_asked_by_day(ask: Ask) -> None:
    path = project_folder() / "models" / "semantic" / "metrics.yml"
    metrics = [metric["name"] for metric in yaml.safe_load(path.read_text())["metrics"]]

    answers = ask(",".join(metrics), "metric_time__day")

    assert set(answers[0]) == {"metric_time__day", *metrics}
    never_over = {"late_seconds", "average_late_seconds"}
    assert {name for name in metrics if not any(row[name] for row in answers)} == never_over


def test_the_success_rate_is_that_of_the_runs(ask: Ask) -> None:
    days = ("--start-time", "2026-01-19", "--end-time", "2026-01-21")
    answers = ask("runs,failed_runs,success_rate", "metric_time__day", *days, "--order", "metric_time__day")

    assert [(row["runs"], row["failed_runs"], float(row["success_rate"])) for row in answers] == [
        ("1", "0", 0),  # some of its jobs failed
        ("1", "0", 1),
        ("1", "1", 0),
    ]


def test_metrics_are_told_apart_by_what_marts_join_on(ask: Ask, fleet_home: FleetHome) -> None:
    answers = ask("loads", "pipeline__pipeline_name")

    expected = fleet_home.raw.query(
        "select coalesce(pipelines.pipeline_name, ''), cast(count(*) as varchar) "
        "from observability_marts.loads left join observability_marts.pipelines using (pipeline_id) group by all"
    )
    assert {(row["pipeline__pipeline_name"], row["loads"]) for row in answers} == set(expected)


def test_rows_per_day_are_those_of_days_with_loads(ask: Ask, fleet_home: FleetHome) -> None:
    answers = ask("rows_per_day", "table_day__table_name")

    expected = fleet_home.raw.query(
        "select table_name, sum(row_count) / count(distinct load_date) from observability_marts.table_volume_daily "
        "group by all"
    )
    assert {row["table_day__table_name"]: float(row["rows_per_day"]) for row in answers} == pytest.approx(
        dict(expected), abs=0.01
    )
