"""What ran a pipeline: its orchestrator and a link to the run, by the variables that each orchestrator sets."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from meta_pipeline_capture.redaction import redact_location

Variables = Mapping[str, str]


@dataclass(frozen=True)
class OrchestratorRun:
    """A run as its orchestrator knows it.

    Args:
        job: What the orchestrator runs again and again.
        run_id: The orchestrator's id of this run.
        attempt: 1 for the first.
        url: A page about the run.
    """

    job: str | None = None
    run_id: str | None = None
    attempt: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class Orchestrator:
    """How an orchestrator is recognised and read.

    Args:
        name: Its name, dlt's where dlt has one.
        variables: One of them is set by it and by nothing else.
        dlt_names: Its names in dlt's `exec_info`.
        read: Reads the run from the environment.
    """

    name: str
    variables: Sequence[str]
    dlt_names: Sequence[str]
    read: Callable[[Variables], OrchestratorRun]


def describe_environment(context: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    """Describes what a pipeline ran on.

    Args:
        context: dlt's `execution_context`, out of a trace.
        variables: Environment variables of the pipeline's process; empty where they are not known.

    Returns:
        The event's `environment`.
    """
    exec_info = [name for name in context.get("exec_info") or () if isinstance(name, str)]
    orchestrator = find_orchestrator(exec_info, variables)
    run = orchestrator.read(variables) if orchestrator else OrchestratorRun()
    return {
        "orchestrator": orchestrator.name if orchestrator else None,
        "run_url": redact_run_url(run.url),
        "run_id": run.run_id,
        "attempt": run.attempt,
        "job": run.job,
        "exec_info": exec_info,
        "dlt_version": _text(context.get("library"), "version"),
        "python_version": _string(context.get("python")),
        "os": _text(context.get("os"), "name"),
    }


def find_orchestrator(exec_info: Sequence[str], variables: Variables) -> Orchestrator | None:
    """Returns the innermost orchestrator: Airflow on Kubernetes is Airflow.

    Args:
        exec_info: dlt's names of the environment.
        variables: Environment variables.
    """
    for orchestrator in ORCHESTRATORS:
        if any(variables.get(name) for name in orchestrator.variables):
            return orchestrator
        if any(name in exec_info for name in orchestrator.dlt_names):
            return orchestrator
    return None


def redact_run_url(url: str | None) -> str | None:
    """Returns the link without user and password; its query, which names the run, stays.

    Args:
        url: The link.
    """
    if url is None:
        return None
    address, mark, rest = url.partition("?")
    return redact_location(address) + mark + rest


def _airflow(variables: Variables) -> OrchestratorRun:
    dag, task = variables.get("AIRFLOW_CTX_DAG_ID"), variables.get("AIRFLOW_CTX_TASK_ID")
    run_id = variables.get("AIRFLOW_CTX_DAG_RUN_ID")
    return OrchestratorRun(
        _joined(".", dag, task),
        run_id,
        _number(variables.get("AIRFLOW_CTX_TRY_NUMBER")),
        _airflow_url(variables, dag, task, run_id),
    )


def _airflow_url(variables: Variables, dag: str | None, task: str | None, run_id: str | None) -> str | None:
    if not (dag and task and run_id):
        return None
    dag, task, run_id = (quote(part, safe="") for part in (dag, task, run_id))
    if base := variables.get("AIRFLOW__API__BASE_URL"):
        return f"{base.rstrip('/')}/dags/{dag}/runs/{run_id}/tasks/{task}"
    if base := variables.get("AIRFLOW__WEBSERVER__BASE_URL"):
        return f"{base.rstrip('/')}/dags/{dag}/grid?dag_run_id={run_id}&task_id={task}"
    return None


def _dagster(variables: Variables) -> OrchestratorRun:
    pipes = _dagster_pipes(variables.get("DAGSTER_PIPES_CONTEXT"))
    retries = pipes.get("retry_number")
    return OrchestratorRun(
        _string(pipes.get("job_name")) or variables.get("DAGSTER_RUN_JOB_NAME"),
        _string(pipes.get("run_id")) or variables.get("DAGSTER_RUN_ID"),
        retries + 1 if isinstance(retries, int) else None,
    )


def _dagster_pipes(packed: str | None) -> Mapping[str, Any]:
    """Unpacks what Dagster Pipes hands to the processes that it starts: JSON, compressed, as base64."""
    try:
        unpacked = json.loads(zlib.decompress(base64.b64decode(packed or "")))
    except (binascii.Error, zlib.error, ValueError):
        return {}
    return unpacked if isinstance(unpacked, dict) else {}


def _prefect(variables: Variables) -> OrchestratorRun:
    run_id = variables.get("PREFECT__FLOW_RUN_ID") or None
    page = variables.get("PREFECT_UI_URL") or re.sub(r"/api/?$", "", _self_hosted(variables.get("PREFECT_API_URL")))
    url = f"{page.rstrip('/')}/runs/flow-run/{quote(run_id, safe='')}" if page and run_id else None
    return OrchestratorRun(variables.get("PREFECT__FLOW_ENTRYPOINT"), run_id, url=url)


def _self_hosted(api_url: str | None) -> str:
    """Returns the API's URL if its server shows the pages too, as Prefect Cloud's does not."""
    return api_url if api_url and "/accounts/" not in api_url else ""


def _databricks(variables: Variables) -> OrchestratorRun:
    return OrchestratorRun(variables.get("DB_CLUSTER_ID"))


def _github_actions(variables: Variables) -> OrchestratorRun:
    repository, run_id = variables.get("GITHUB_REPOSITORY"), variables.get("GITHUB_RUN_ID")
    attempt = _number(variables.get("GITHUB_RUN_ATTEMPT"))
    url = None
    if repository and run_id:
        server = variables.get("GITHUB_SERVER_URL", "https://github.com")
        url = f"{server}/{repository}/actions/runs/{run_id}" + (f"/attempts/{attempt}" if attempt else "")
    job = _joined("/", repository, variables.get("GITHUB_WORKFLOW"), variables.get("GITHUB_JOB"))
    return OrchestratorRun(job, run_id, attempt, url)


def _gitlab(variables: Variables) -> OrchestratorRun:
    job = _joined("/", variables.get("CI_PROJECT_PATH"), variables.get("CI_JOB_NAME"))
    return OrchestratorRun(job, variables.get("CI_JOB_ID"), url=variables.get("CI_JOB_URL"))


def _aws_lambda(variables: Variables) -> OrchestratorRun:
    trace = re.search(r"Root=([\w-]+)", variables.get("_X_AMZN_TRACE_ID", ""))
    names = ("AWS_REGION", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME")
    region, group, stream = (variables.get(name) for name in names)
    url = None
    if region and group and stream:
        url = (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#logsV2:log-groups/log-group/{_console(group)}/log-events/{_console(stream)}"
        )
    return OrchestratorRun(variables.get("AWS_LAMBDA_FUNCTION_NAME"), trace.group(1) if trace else None, url=url)


def _console(text: str) -> str:
    """Encodes twice, with $ for the outer %, as the console of AWS does in the fragment."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _cloud_function(variables: Variables) -> OrchestratorRun:
    name = variables.get("FUNCTION_NAME") or variables.get("K_SERVICE")
    region, project = variables.get("FUNCTION_REGION"), variables.get("GCP_PROJECT")
    url = None
    if name and region and project:
        url = f"https://console.cloud.google.com/functions/details/{region}/{name}?project={project}"
    return OrchestratorRun(name, url=url)


def _cloud_run(variables: Variables) -> OrchestratorRun:
    attempt = _number(variables.get("CLOUD_RUN_TASK_ATTEMPT"))
    return OrchestratorRun(
        variables.get("CLOUD_RUN_JOB") or variables.get("K_SERVICE"),
        variables.get("CLOUD_RUN_EXECUTION"),
        None if attempt is None else attempt + 1,
    )


def _kubernetes(variables: Variables) -> OrchestratorRun:
    pod = variables.get("KUBE_POD_NAME") or variables.get("HOSTNAME")
    return OrchestratorRun(variables.get("KUBE_POD_NAMESPACE"), pod)


def _nothing_known(_: Variables) -> OrchestratorRun:
    return OrchestratorRun()


def _joined(separator: str, *parts: str | None) -> str | None:
    return separator.join(part for part in parts if part) or None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _text(value: object, key: str) -> str | None:
    return _string(value.get(key)) if isinstance(value, Mapping) else None


# The innermost first: what plans runs, then what runs jobs, then what runs containers.
ORCHESTRATORS = (
    Orchestrator("airflow", ("AIRFLOW_CTX_TASK_ID",), ("airflow",), _airflow),
    Orchestrator("dagster", ("DAGSTER_PIPES_CONTEXT", "DAGSTER_RUN_JOB_NAME"), ("dagster",), _dagster),
    Orchestrator("prefect", ("PREFECT__FLOW_RUN_ID",), ("prefect",), _prefect),
    Orchestrator("databricks", ("DATABRICKS_RUNTIME_VERSION",), (), _databricks),
    Orchestrator("github_actions", ("GITHUB_ACTIONS",), ("github_actions",), _github_actions),
    Orchestrator("gitlab_ci", ("GITLAB_CI",), (), _gitlab),
    Orchestrator("aws_lambda", ("AWS_LAMBDA_FUNCTION_NAME",), ("aws_lambda",), _aws_lambda),
    Orchestrator("gcp_cloud_function", ("FUNCTION_TARGET", "FUNCTION_NAME"), ("gcp_cloud_function",), _cloud_function),
    Orchestrator("gcp_cloud_run", ("CLOUD_RUN_JOB", "K_SERVICE"), (), _cloud_run),
    Orchestrator("kubernetes", ("KUBERNETES_SERVICE_HOST",), ("kubernetes",), _kubernetes),
    Orchestrator("notebook", (), ("notebook", "colab", "marimo"), _nothing_known),
)
