"""Each orchestrator by the variables that it sets itself."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from meta_pipeline_capture.environment import ORCHESTRATORS, describe_environment

GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/pipelines",
    "GITHUB_WORKFLOW": "nightly",
    "GITHUB_JOB": "load",
    "GITHUB_RUN_ID": "9000000001",
    "GITHUB_RUN_ATTEMPT": "2",
}
AIRFLOW = {
    "AIRFLOW_CTX_DAG_ID": "nightly",
    "AIRFLOW_CTX_TASK_ID": "load.crm",
    "AIRFLOW_CTX_DAG_RUN_ID": "scheduled__2026-11-23T00:00:00+00:00",
    "AIRFLOW_CTX_TRY_NUMBER": "2",
    "AIRFLOW_CTX_DAG_OWNER": "data",
}
AIRFLOW_RUN = ("nightly.load.crm", "scheduled__2026-11-23T00:00:00+00:00", 2)
PIPES = {
    "DAGSTER_PIPES_CONTEXT": base64.b64encode(
        zlib.compress(json.dumps({"run_id": "f2d3", "job_name": "nightly", "retry_number": 1}).encode())
    ).decode()
}
LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "load-crm",
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/load-crm",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0a1b",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}
LAMBDA_URL = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
    "$252Faws$252Flambda$252Fload-crm/log-events/2026$252F11$252F23$252F$255B$2524LATEST$255D0a1b"
)
# Variables, what dlt finds; name, job, run, attempt, link.
CASES: dict[str, tuple[dict[str, str], list[str], tuple[Any, ...]]] = {
    "GitHub Actions": (
        GITHUB,
        ["github_actions"],
        (
            *("github_actions", "acme/pipelines/nightly/load", "9000000001", 2),
            "https://github.com/acme/pipelines/actions/runs/9000000001/attempts/2",
        ),
    ),
    "Airflow 3": (
        {**AIRFLOW, "AIRFLOW__API__BASE_URL": "https://airflow.example.com/"},
        ["airflow"],
        (
            *("airflow", *AIRFLOW_RUN),
            "https://airflow.example.com/dags/nightly/runs/scheduled__2026-11-23T00%3A00%3A00%2B00%3A00/tasks/load.crm",
        ),
    ),
    "Airflow 2": (
        {**AIRFLOW, "AIRFLOW__WEBSERVER__BASE_URL": "https://ann:hunter2@airflow.example.com"},
        ["airflow"],
        (
            *("airflow", *AIRFLOW_RUN),
            "https://airflow.example.com/dags/nightly/grid"
            "?dag_run_id=scheduled__2026-11-23T00%3A00%3A00%2B00%3A00&task_id=load.crm",
        ),
    ),
    "Airflow on Kubernetes, without an address": (
        {**AIRFLOW, "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        ["kubernetes", "airflow"],
        ("airflow", *AIRFLOW_RUN, None),
    ),
    "Dagster's Pipes": (PIPES, [], ("dagster", "nightly", "f2d3", 2, None)),
    "Dagster's run launchers": (
        {"DAGSTER_RUN_JOB_NAME": "nightly", "DAGSTER_RUN_ID": "f2d3"},
        [],
        ("dagster", "nightly", "f2d3", None, None),
    ),
    "Dagster in process": ({}, ["dagster"], ("dagster", None, None, None, None)),
    "Dagster with Pipes that are none": (
        {"DAGSTER_PIPES_CONTEXT": "bm9uZQ=="},
        [],
        ("dagster", None, None, None, None),
    ),
    "Prefect Cloud": (
        {
            "PREFECT__FLOW_RUN_ID": "0f-1e",
            "PREFECT__FLOW_ENTRYPOINT": "flows.py:nightly",
            "PREFECT_API_URL": "https://api.prefect.cloud/api/accounts/1/workspaces/2",
            "PREFECT_UI_URL": "https://app.prefect.cloud/account/1/workspace/2",
        },
        ["prefect"],
        (
            *("prefect", "flows.py:nightly", "0f-1e", None),
            "https://app.prefect.cloud/account/1/workspace/2/runs/flow-run/0f-1e",
        ),
    ),
    "Prefect, self-hosted": (
        {"PREFECT__FLOW_RUN_ID": "0f-1e", "PREFECT_API_URL": "http://prefect:4200/api"},
        [],
        ("prefect", None, "0f-1e", None, "http://prefect:4200/runs/flow-run/0f-1e"),
    ),
    "Prefect Cloud without the page's address": (
        {"PREFECT__FLOW_RUN_ID": "0f-1e", "PREFECT_API_URL": "https://api.prefect.cloud/api/accounts/1/workspaces/2"},
        [],
        ("prefect", None, "0f-1e", None, None),
    ),
    "Databricks": (
        {"DATABRICKS_RUNTIME_VERSION": "15.4", "DB_CLUSTER_ID": "1123-000000-abc"},
        ["notebook"],
        ("databricks", "1123-000000-abc", None, None, None),
    ),
    "GitLab": (
        {
            "GITLAB_CI": "true",
            "CI_PROJECT_PATH": "acme/pipelines",
            "CI_JOB_NAME": "load",
            "CI_JOB_ID": "77",
            "CI_JOB_URL": "https://gitlab.com/acme/pipelines/-/jobs/77",
        },
        [],
        ("gitlab_ci", "acme/pipelines/load", "77", None, "https://gitlab.com/acme/pipelines/-/jobs/77"),
    ),
    "Lambda": (
        LAMBDA,
        ["aws_lambda"],
        ("aws_lambda", "load-crm", "1-5759e988-bd862e3fe1be46a994272793", None, LAMBDA_URL),
    ),
    "Cloud Functions": (
        {"FUNCTION_TARGET": "main", "K_SERVICE": "load-crm", "K_REVISION": "load-crm-00001"},
        [],
        ("gcp_cloud_function", "load-crm", None, None, None),
    ),
    "Cloud Functions of the first generation": (
        {"FUNCTION_NAME": "load-crm", "FUNCTION_REGION": "europe-west1", "GCP_PROJECT": "acme"},
        ["gcp_cloud_function"],
        (
            *("gcp_cloud_function", "load-crm", None, None),
            "https://console.cloud.google.com/functions/details/europe-west1/load-crm?project=acme",
        ),
    ),
    "a job on Cloud Run": (
        {"CLOUD_RUN_JOB": "load-crm", "CLOUD_RUN_EXECUTION": "load-crm-x7k2p", "CLOUD_RUN_TASK_ATTEMPT": "0"},
        [],
        ("gcp_cloud_run", "load-crm", "load-crm-x7k2p", 1, None),
    ),
    "a service on Cloud Run": (
        {"K_SERVICE": "load-crm", "K_REVISION": "load-crm-00001"},
        [],
        ("gcp_cloud_run", "load-crm", None, None, None),
    ),
    "Kubernetes": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "load-crm-29390-x7k2p"},
        [],
        ("kubernetes", None, "load-crm-29390-x7k2p", None, None),
    ),
    "Kubernetes with what dlt asks for": (
        {"KUBE_POD_NAME": "load-crm-29390-x7k2p", "KUBE_POD_NAMESPACE": "data"},
        ["kubernetes"],
        ("kubernetes", "data", "load-crm-29390-x7k2p", None, None),
    ),
    "a notebook": ({}, ["notebook", "colab"], ("notebook", None, None, None, None)),
    "cron": ({"HOME": "/home/loader", "HOSTNAME": "vm1"}, ["docker"], (None, None, None, None, None)),
}


@pytest.mark.parametrize(("variables", "exec_info", "expected"), CASES.values(), ids=CASES)
def test_an_orchestrator_is_known_by_its_variables(
    variables: dict[str, str], exec_info: list[str], expected: tuple[Any, ...]
) -> None:
    described = describe_environment({"exec_info": exec_info}, variables)

    keys = ("orchestrator", "job", "run_id", "attempt", "run_url")
    assert tuple(described[key] for key in keys) == expected
    assert described["exec_info"] == exec_info


def test_every_orchestrator_has_a_case() -> None:
    assert {orchestrator.name for orchestrator in ORCHESTRATORS} == {case[2][0] for case in CASES.values()} - {None}


def test_versions_come_from_the_trace() -> None:
    context = {
        "python": "3.12.1",
        "library": {"name": "dlt", "version": "1.31.0"},
        "os": {"name": "Linux", "version": "6"},
    }
    described = describe_environment(context, {})

    assert (described["dlt_version"], described["python_version"], described["os"]) == ("1.31.0", "3.12.1", "Linux")


def test_a_context_of_another_shape_is_no_obstacle() -> None:
    described = describe_environment({"exec_info": [1, "docker"], "library": "dlt", "os": None}, {})

    assert (described["exec_info"], described["dlt_version"], described["os"]) == (["docker"], None, None)
