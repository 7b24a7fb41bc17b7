"""What runs the pipelines of the demo: the variables that each orchestrator sets in the environment of a run."""

from __future__ import annotations

import base64
import json
import os
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from meta_pipeline.demo.schedule import Run
from meta_pipeline_capture.environment import ORCHESTRATORS

Variables = Mapping[str, str]
Orchestrator = Callable[[Run], Variables]

_DLT_TELLS = ("KUBE_NODE_NAME", "KUBE_POD_NAME", "KUBE_POD_NAMESPACE", "COLAB_RELEASE_TAG")
_OWN_CAPTURE = ("META_PIPELINE_INBOX", "RUNTIME__DLTHUB_DSN")


@contextmanager
def run_by(orchestrator: Orchestrator, run: Run) -> Iterator[None]:
    """Lets this process have an orchestrator's variables as long as the ``with`` block lasts.

    Args:
        orchestrator: What runs the pipeline.
        run: The run.

    Yields:
        Nothing.
    """
    with patch.dict(os.environ, orchestrator(run)):
        yield


def without_own_orchestrator(variables: Variables) -> dict[str, str]:
    """Returns an environment without what tells of the orchestrator, and the captures, of the demo itself.

    Args:
        variables: The environment of the demo.
    """
    tells = {name for orchestrator in ORCHESTRATORS for name in orchestrator.variables}
    dropped = tells.union(_DLT_TELLS, _OWN_CAPTURE)
    return {name: value for name, value in variables.items() if name not in dropped}


def github_actions(run: Run) -> Variables:
    """A scheduled workflow on GitHub.

    Args:
        run: The run.
    """
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme-airports/pipelines",
        "GITHUB_WORKFLOW": run.pipeline_name,
        "GITHUB_JOB": "load",
        "GITHUB_RUN_ID": str(_number_of(run)),
        "GITHUB_RUN_ATTEMPT": "1",
    }


def gitlab_ci(run: Run) -> Variables:
    """A scheduled pipeline on a GitLab of the company's own.

    Args:
        run: The run.
    """
    job = str(_number_of(run))
    project = "airports/jfk"
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PROJECT_PATH": project,
        "CI_JOB_NAME": run.pipeline_name,
        "CI_JOB_ID": job,
        "CI_JOB_URL": f"https://gitlab.example.com/{project}/-/jobs/{job}",
    }


def airflow(run: Run) -> Variables:
    """A task of a DAG.

    Args:
        run: The run.
    """
    return {
        "AIRFLOW_CTX_DAG_OWNER": "finance",
        "AIRFLOW_CTX_DAG_ID": "finance_daily",
        "AIRFLOW_CTX_TASK_ID": run.pipeline_name,
        "AIRFLOW_CTX_DAG_RUN_ID": f"scheduled__{run.started_at:%Y-%m-%dT%H}:10:00+00:00",
        "AIRFLOW_CTX_TRY_NUMBER": "1",
        "AIRFLOW__API__BASE_URL": "https://airflow.example.com",
    }


def dagster(run: Run) -> Variables:
    """A process that Dagster Pipes started.

    Args:
        run: The run.
    """
    context = {"run_id": _uuid_of(run), "job_name": run.pipeline_name, "retry_number": 0}
    return {"DAGSTER_PIPES_CONTEXT": base64.b64encode(zlib.compress(json.dumps(context).encode())).decode()}


def prefect(run: Run) -> Variables:
    """A flow run on a Prefect server of the company's own.

    Args:
        run: The run.
    """
    return {
        "PREFECT__FLOW_RUN_ID": _uuid_of(run),
        "PREFECT__FLOW_ENTRYPOINT": f"flows/maintenance.py:{run.pipeline_name}",
        "PREFECT_API_URL": "https://prefect.example.com/api",
    }


def kubernetes(run: Run) -> Variables:
    """A pod of a CronJob.

    Args:
        run: The run.
    """
    return {
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBE_POD_NAMESPACE": "weather",
        "KUBE_POD_NAME": f"{run.pipeline_name}-{_number_of(run) // 60}",
    }


def cron(run: Run) -> Variables:  # noqa: ARG001
    """A line in somebody's crontab, which sets no variable of its own.

    Args:
        run: The run.
    """
    return {}


def _number_of(run: Run) -> int:
    return int(run.started_at.timestamp())


def _uuid_of(run: Run) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.pipeline_name} {run.started_at.isoformat()}"))
