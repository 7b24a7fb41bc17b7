"""The command line: composes the stages, which do not know each other."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from meta_pipeline import __version__
from meta_pipeline.exceptions import ConfigurationError, MetaPipelineError
from meta_pipeline.home import EMBEDDED
from meta_pipeline.output import counted, is_terminal, note, print_json, print_rows, printable, warn

if TYPE_CHECKING:
    from meta_pipeline.alert import AlertResult, AlertSettings
    from meta_pipeline.collect.check import Finding
    from meta_pipeline.collect.stage import CollectResult
    from meta_pipeline.config import ReportSettings, Settings
    from meta_pipeline.export.annotations import Annotations
    from meta_pipeline.export.openlineage import ExportResult
    from meta_pipeline.home import Home
    from meta_pipeline.init.plan import Oidc
    from meta_pipeline.report.lineage import Answer, Coverage, ProjectCoverage, Step
    from meta_pipeline.report.page import PageResult
    from meta_pipeline.report.status import FleetStatus
    from meta_pipeline.severity import Severity
    from meta_pipeline.transform import TransformResult

DONE, FINDINGS, NOT_DONE, INTERRUPTED = 0, 1, 2, 130
DOCS_FILE = "dbt.html"
DEMO_FOLDER = Path("demo-fleet")

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["warning", "critical", "never"]),
    default="critical",
    show_default=True,
    help="Exit with 1 when something is at least this bad.",
)


def reporting_errors(command: Command) -> Command:
    """Turns an error into its message, where it was raised on purpose, and exit code 2."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except MetaPipelineError as error:
            warn(f"Error: {error}")
            sys.exit(NOT_DONE)
        except (KeyboardInterrupt, click.Abort):
            warn("Interrupted. Nothing is lost: run again.")
            sys.exit(INTERRUPTED)
        except Exception as error:
            # Not Python's own exit code 1, which stands for findings; and its text may quote anything.
            logging.getLogger("meta_pipeline").debug("Broke off", exc_info=True)
            warn(f"Error: broke off with an unexpected {type(error).__name__}. meta-pipeline --verbose shows where")
            sys.exit(NOT_DONE)

    return cast(Command, wrapped)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="meta-pipeline")
@click.option("-v", "--verbose", is_flag=True, help="Tell every step, and tracebacks of what broke off.")
def main(verbose: bool) -> None:
    """One pane of glass over all your dlt pipelines.

    Reads the tables that dlt leaves in every destination into one dataset, and builds marts on it: health, volume,
    schema changes, lineage. Start with `meta-pipeline init`, then `meta-pipeline check` and `meta-pipeline run`.

    Exit codes: 0 done and nothing to report, 1 findings at or above --fail-on, 2 something could not be done (the
    rest is done all the same).
    """
    # Nothing of ours may phone home; both libraries read this before anything else.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    # Millions of rows pass and few of them in cycles: looking for those less often saves one second in thirty.
    gc.set_threshold(100_000, 50, 50)
    # The same for the last look, when the process ends and all memory is given back anyway.
    atexit.register(gc.freeze)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    # What went wrong is printed at the end, by the command; as a warning it is for pipelines of other people.
    handler.addFilter(lambda record: record.levelno != logging.WARNING)
    if not verbose:
        # What libraries have to say of each other is not for the user's eyes.
        warnings.simplefilter("ignore")
    logger = logging.getLogger("meta_pipeline")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False


@main.command()
@click.option(
    "--destination",
    "destinations",
    multiple=True,
    metavar="NAME=TYPE",
    help="A destination to observe, e.g. finance_pg=postgres; may be given several times.",
)
@click.option("--home", "home_type", metavar="TYPE", help="Where the marts live; duckdb, a file here, by default.")
@click.option("--schedule", metavar="CRON", help="When the workflow runs, in UTC; hourly at minute 17 by default.")
@click.option("--no-workflow", is_flag=True, help="Write no workflow for GitHub Actions.")
@click.option(
    "--oidc",
    type=click.Choice(["bigquery", "snowflake"]),
    help="Let the workflow prove who it is to such destinations, without a secret.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: what no option says is the default.")
@json_option
@reporting_errors
def init(
    destinations: tuple[str, ...],
    home_type: str | None,
    schedule: str | None,
    no_workflow: bool,
    oidc: Oidc | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Write the configuration and a workflow into this folder.

    What no option says is asked for, on a terminal. Nothing that is there is overwritten.
    """
    from meta_pipeline.init import questions  # noqa: PLC0415
    from meta_pipeline.init.files import write_files  # noqa: PLC0415
    from meta_pipeline.init.plan import DEFAULT_CRON, make_plan  # noqa: PLC0415

    if no_workflow and (schedule or oidc):
        raise ConfigurationError("--schedule and --oidc are for the workflow. Leave them or --no-workflow out.")
    is_asking = not yes and sys.stdin.isatty()
    named = destinations or (questions.ask_destinations() if is_asking else ())
    home = home_type or (questions.ask_home() if is_asking else EMBEDDED)
    cron = schedule or (questions.ask_schedule() if is_asking and not no_workflow else DEFAULT_CRON)
    plan = make_plan(named, home, None if no_workflow else cron, oidc)
    results = write_files(Path.cwd(), plan)
    if as_json:
        print_json({"files": results})
        return
    for item in results:
        added = f": {', '.join(item.lines)}" if item.lines else ""
        click.echo(f"{item.action}\t{item.path}{added}")
    if any(item.action == "left" for item in results):
        note("What was left was there before: compare it with docs/configuration.md.")
    note("Put what stands in angle brackets into .dlt/secrets.toml and .dlt/config.toml, then run: meta-pipeline check")


@main.command()
@json_option
@reporting_errors
def check(as_json: bool) -> None:
    """Say what can be reached and what will be read."""
    from meta_pipeline.collect.check import check_destinations, problems_of  # noqa: PLC0415
    from meta_pipeline.config import find_home, parse_settings, read_report_settings, read_settings  # noqa: PLC0415

    folder = Path.cwd()
    home = find_home(folder)
    alert_settings = _alert_settings()
    read_report_settings(folder)
    settings = parse_settings(read_settings(folder))
    findings = check_destinations(settings)
    unusable = [*alert_settings.problems, *_home_problems(home)]
    problems = [*problems_of(settings, findings), *unusable]
    if as_json:
        print_json({"home": home.database, "findings": findings, "problems": problems})
    else:
        columns = {"Destination": 20, "Type": 10, "Dataset": 20, "Read": 4, "Note": None}
        print_rows(
            columns,
            [
                (
                    item.destination_name,
                    item.destination_type or "?",
                    item.dataset_name or "-",
                    "yes" if item.is_read else "no",
                    item.note,
                )
                for item in findings
            ],
        )
        _tell([*settings.problems, *unusable])
        note(f"{_counted_places(settings, findings)} will be read into {home.database}")
    sys.exit(NOT_DONE if problems else DONE)


@main.command()
@json_option
@reporting_errors
def collect(as_json: bool) -> None:
    """Read what is new in every destination."""
    home = _home()
    _require_settings()
    with _my_turn(home):
        result = _collect(home)
    if as_json:
        costs = [item for item in result.readings if item.bytes_scanned or item.bytes_billed]
        summary = {"rows_read": result.rows_read, "coverage": result.coverage, "costs": costs}
        print_json({**summary, "problems": result.failures})
    else:
        _tell(result.failures)
        note(f"Collected {result.rows_read:,} new rows.")
        for item in result.readings:
            if item.bytes_scanned or item.bytes_billed:
                billed = "" if item.bytes_billed is None else f", {item.bytes_billed:,} bytes billed"
                note(f"{item.destination_name}: {item.bytes_scanned or 0:,} bytes scanned{billed}")
    sys.exit(NOT_DONE if result.failures else DONE)


@main.command()
@click.option("--as-of", metavar="TIME", help="Build the marts as they would have been then, e.g. 2026-02-09T06:00.")
@json_option
@reporting_errors
def transform(as_of: str | None, as_json: bool) -> None:
    """Build the marts from what was collected."""
    moment, home = _moment(as_of), _home()
    with _my_turn(home):
        result = _transform(home, moment)
    if as_json:
        print_json(result)


@main.command()
@click.option("--dry-run", "is_dry", is_flag=True, help="Print what would be told; tell nobody and write nothing.")
@fail_on_option
@json_option
@reporting_errors
def alert(is_dry: bool, fail_on: str, as_json: bool) -> None:
    """Tell people what is wrong, once, and when it is over."""
    home, settings = _home(), _alert_settings()
    if is_dry:
        result = _alert(home, settings, is_dry=True)
    else:
        with _my_turn(home):
            result = _alert(home, settings)
    if as_json:
        print_json(_alert_json(result))
    else:
        _show_alert(result, is_dry=is_dry)
    sys.exit(NOT_DONE if result.problems else _exit_code(result.worst, fail_on))


@main.command()
@click.argument("name", metavar="[PIPELINE]", required=False)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=1),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: how long to wait before it is shown again.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print what is wrong in Markdown, as for a job summary.")
@fail_on_option
@json_option
@reporting_errors
def status(name: str | None, watch: bool, interval: float, as_markdown: bool, fail_on: str, as_json: bool) -> None:
    """Show how every pipeline is, worst first.

    With a name or a glob it shows those pipelines from near: runs, volume, why, and what to do.
    """
    home = _home()
    if sum((watch, as_markdown, as_json)) > 1:
        raise ConfigurationError("--watch, --markdown and --json are three ways to show it. Choose one of them.")
    if name is not None and (watch or as_markdown):
        raise ConfigurationError("--watch and --markdown show the whole fleet. Leave the name out.")
    if watch:
        _watch(home, interval)
    if as_markdown:
        sys.exit(_exit_code(_show_markdown(home), fail_on))
    if name is None:
        fleet = _status(home)
        _show(fleet, as_json)
    else:
        fleet = _show_pipelines(home, name, as_json)
    sys.exit(_exit_code(fleet.worst, fail_on))


@main.command()
@click.argument("name", metavar="PIPELINE")
@json_option
@reporting_errors
def explain(name: str, as_json: bool) -> None:
    """Show which evidence leads to a pipeline's status, step by step."""
    from meta_pipeline.report.explanations import read_explanation  # noqa: PLC0415

    explanation = read_explanation(_home(), name)
    if as_json:
        print_json(explanation)
    else:
        from meta_pipeline.report.screens import print_explanation  # noqa: PLC0415

        print_explanation(explanation)


@main.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the page; by default that in [report], else site.",
)
@click.option(
    "--with-details", is_flag=True, help="Show governance and the words of errors too; not for a public page."
)
@json_option
@reporting_errors
def report(out: Path | None, with_details: bool, as_json: bool) -> None:
    """Write the page, one file to look at without a server.

    It shows the fleet, its pipelines, schema changes and lineage.
    """
    from meta_pipeline.config import read_report_settings  # noqa: PLC0415

    home, settings = _home(), read_report_settings(Path.cwd())
    folder = out or settings.out or Path("site")
    with _my_turn(home):
        result, problems = _report(home, folder, with_details or settings.with_details, _alert_settings())
    if as_json:
        print_json({**asdict(result), "problems": problems})
    else:
        _tell(problems)
    sys.exit(NOT_DONE if problems else DONE)


@main.command()
@click.argument("name", metavar="[TABLE[.COLUMN]]", required=False)
@click.option("--upstream", is_flag=True, help="Only where it comes from.")
@click.option("--downstream", is_flag=True, help="Only where it goes.")
@json_option
@reporting_errors
def lineage(name: str | None, upstream: bool, downstream: bool, as_json: bool) -> None:
    """Show where a table or column comes from and where it goes.

    Without a name it shows how much is known. Exits with 1 where less is known of a dbt project than minimum_coverage
    in [lineage] asks for.
    """
    from meta_pipeline.config import minimum_lineage_coverage  # noqa: PLC0415
    from meta_pipeline.report.lineage import Direction, read_coverage, read_lineage  # noqa: PLC0415

    home, minimum = _home(), minimum_lineage_coverage(Path.cwd())
    coverage = read_coverage(home)
    if name is None:
        _show_coverage(coverage, as_json)
    else:
        ways: list[Direction] = ["upstream"] if upstream else []
        ways += ["downstream"] if downstream else []
        _show_lineage(read_lineage(home, name, ways or ["upstream", "downstream"]), as_json)
    below = coverage.below(minimum)
    for project in below:
        warn(f"Too little is known of {_project(project)}: {_known(project)}, less than {minimum:.0%}.")
    sys.exit(FINDINGS if below else DONE)


@main.command()
@click.argument("standard", metavar="openlineage", type=click.Choice(["openlineage"]), expose_value=False)
@click.option("--out", metavar="FILE", help="Write the events into this file, one per line; - for standard output.")
@click.option("--url", metavar="URL", help="Send the events to this server, instead of the configured one.")
@click.option(
    "--since", metavar="TIME", help="Only what a transform wrote after that; what --json gave as up_to last time."
)
@json_option
@reporting_errors
def export(out: str | None, url: str | None, since: str | None, as_json: bool) -> None:
    """Export runs and lineage as events of OpenLineage.

    The events of runs, jobs, datasets and columns go into the file of --out, else to the server of --url or of
    [export.openlineage], else to standard output.
    The same marts make the same events, so that exporting twice changes nothing.
    """
    from meta_pipeline.export.settings import checked_url, read_export_settings  # noqa: PLC0415

    if out and url:
        raise ConfigurationError("Write the events to --out or send them to --url: one of both")
    settings = read_export_settings(Path.cwd())
    url = checked_url(url, "--url") if url else settings.url
    out = None if url and out is None else out or "-"
    if as_json and out == "-":
        raise ConfigurationError("--json prints a summary, so the events need another place. Add --out FILE")
    _require_export_extra()
    from meta_pipeline.export.openlineage import export_openlineage  # noqa: PLC0415

    result = export_openlineage(_home(), settings, out=out, url=None if out else url, since=_moment(since, "--since"))
    if as_json:
        print_json(result)
    else:
        _show_export(result)
    sys.exit(NOT_DONE if result.problems else DONE)


@main.command()
@click.argument("pipeline", required=False)
@click.option(
    "--accept", metavar="GLOB", multiple=True, help="Only suggested columns that match, as dataset.table.column."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write schemas to be imported there: DIRECTORY/<pipeline>/<schema>.schema.yaml.",
)
@click.option("--force", is_flag=True, help="Add the tags to files that are there.")
@json_option
@reporting_errors
def annotate(pipeline: str | None, accept: tuple[str, ...], out: Path | None, force: bool, as_json: bool) -> None:
    """Turn suggestions of personal data into hints for dlt.

    They are printed to be pasted, or written with --out to be committed. Without --accept all are taken that are no
    exceptions in [governance].
    """
    from meta_pipeline.export.annotations import python_hints, read_annotations, write_schemas  # noqa: PLC0415

    if force and out is None:
        raise ConfigurationError("--force is for the files of --out DIRECTORY. Add that, or leave it out.")
    found = read_annotations(_home(), pipeline, accept)
    files = write_schemas(found.accepted, out, force=force) if out else []
    if as_json:
        print_json({**asdict(found), "files": [str(file) for file in files]})
    elif found.accepted and not files:
        click.echo(printable(python_hints(found.accepted)))
    for file in files:
        note(f"Wrote {file}. It is read where import_schema_path of its pipeline is its folder.")
    _note_annotations(found)


@main.command()
@fail_on_option
@json_option
@reporting_errors
def run(fail_on: str, as_json: bool) -> None:
    """Collect, transform, alert, and show the status.

    It writes the page too, where [report] names a folder. This is what a schedule runs.
    """
    sys.exit(_run(fail_on, as_json))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8_765, show_default=True, help="Port to listen on.")
@reporting_errors
def receive(host: str, port: int) -> None:
    """Receive traces that dlt sends, and put them into the inbox.

    META_PIPELINE_RECEIVE_TOKEN is what senders must know: they set RUNTIME__DLTHUB_DSN to http://host:port/<token>. The
    inbox is META_PIPELINE_INBOX, else the one in .dlt/config.toml.
    """
    from meta_pipeline.config import read_settings  # noqa: PLC0415

    try:
        from meta_pipeline.receive.server import serve  # noqa: PLC0415
        from meta_pipeline.receive.settings import read_settings as read_receiver_settings  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed, which receiving needs: pip install 'meta-pipeline[receive]'"
        ) from None
    settings = read_receiver_settings(os.environ, read_settings(Path.cwd()).get("inbox"))
    note(f"Receiving on http://{host}:{port}/<token> into {_shown(settings.inbox)}; stop with Ctrl-C.")
    serve(settings, host, port)


@main.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEMO_FOLDER,
    show_default=True,
    help="Where the demo lives; made anew each time.",
)
@click.option("--stop", is_flag=True, help="Stop the demo's PostgreSQL server and do nothing else.")
@reporting_errors
def demo(folder: Path, stop: bool) -> None:
    """Try it: replay real flights through real pipelines, and run."""
    from meta_pipeline.demo import build_fleet, stop_fleet  # noqa: PLC0415

    if stop:
        if not folder.exists():
            note(f"There is no folder {folder} here, so nothing was stopped. Run this where the demo was made.")
            return
        stop_fleet(folder)
        note(f"No PostgreSQL server of the demo in {folder} is running any more.")
        return
    build_fleet(folder, note)
    with _working_in(folder):
        code = _run("never", as_json=False)
    note(f"\nThe demo is a folder like yours: cd {folder}, then try meta-pipeline status, check or run.")
    note(f"Its page is {folder / 'site' / 'index.html'}: open it in a browser.")
    elsewhere = "" if folder == DEMO_FOLDER else f" --folder {folder}"
    note(f"Its PostgreSQL server keeps running; stop it from this folder: meta-pipeline demo --stop{elsewhere}")
    sys.exit(code)


def _run(fail_on: str, as_json: bool) -> int:
    from meta_pipeline.config import read_report_settings  # noqa: PLC0415

    home, settings, page = _home(), _alert_settings(), read_report_settings(Path.cwd())
    _require_settings()
    with _my_turn(home):
        result = _collect(home)
        _tell(result.problems)
        _transform(home, None)
        told = _alert(home, settings)
        unreported = _unreported(home, page, settings)
    troubles = [*told.problems, *unreported]
    troubles += [] if result.failures or troubles else _beat(settings)
    fleet = _status(home)
    _show(fleet, as_json)
    _tell(troubles)
    return NOT_DONE if result.failures or troubles else _exit_code(told.worst, fail_on)


def _shown(address: str) -> str:
    from meta_pipeline_capture.redaction import redact_location  # noqa: PLC0415

    return redact_location(address)


def _home() -> Home:
    from meta_pipeline.config import find_home  # noqa: PLC0415

    return find_home(Path.cwd())


def _home_problems(home: Home) -> list[str]:
    """Returns why a server cannot be the home; a file is made by the first run."""
    from meta_pipeline.home import SERVERS, open_home  # noqa: PLC0415

    if home.destination_type not in SERVERS:
        return []
    try:
        with open_home(home):
            return []
    except MetaPipelineError as error:
        return [str(error)]


def _counted_places(settings: Settings, findings: Sequence[Finding]) -> str:
    """Returns how much will be read; an inbox or a folder of artifacts is no dataset."""
    destinations = {item.name for item in settings.destinations}
    is_dataset = [item.destination_name in destinations for item in findings if item.is_read]
    datasets, others = counted(sum(is_dataset), "dataset"), is_dataset.count(False)
    return f"{datasets} and {counted(others, 'other place')}" if others else datasets


def _require_settings() -> None:
    """Refuses settings that are not usable before anything is touched."""
    from meta_pipeline.config import parse_settings, read_settings  # noqa: PLC0415

    parse_settings(read_settings(Path.cwd()))


def _my_turn(home: Home) -> AbstractContextManager[None]:
    from meta_pipeline.home.turns import my_turn  # noqa: PLC0415

    return my_turn(home)


def _collect(home: Home) -> CollectResult:
    note("Collecting ...")
    # A collection that captures itself would always leave something new.
    for variable in ("META_PIPELINE_INBOX", "RUNTIME__DLTHUB_DSN"):
        os.environ.pop(variable, None)
    from meta_pipeline.collect.stage import collect as collect_stage  # noqa: PLC0415

    return collect_stage(home, Path.cwd())


def _transform(home: Home, as_of: datetime | None) -> TransformResult:
    note("Building the marts ...")
    from meta_pipeline.config import read_expected_within_hours  # noqa: PLC0415
    from meta_pipeline.governance import read_governance  # noqa: PLC0415
    from meta_pipeline.transform import transform as transform_stage  # noqa: PLC0415

    folder = Path.cwd()
    result = transform_stage(
        home,
        as_of=as_of,
        expected_within_hours=read_expected_within_hours(folder),
        governance=read_governance(folder),
    )
    moment = f" as of {result.as_of:%Y-%m-%d %H:%M} UTC" if result.as_of else ""
    note(f"Built {result.models} models{moment} in {result.seconds:.1f} s.")
    return result


def _alert_settings() -> AlertSettings:
    from meta_pipeline.alert import read_alert_settings  # noqa: PLC0415

    return read_alert_settings(Path.cwd())


def _alert(home: Home, settings: AlertSettings, *, is_dry: bool = False) -> AlertResult:
    from meta_pipeline.alert import alert as alert_stage  # noqa: PLC0415

    is_imagined = is_dry and not settings.channels
    if is_imagined:
        settings = replace(settings, channels={"(none)": ""})
    result = alert_stage(home, settings, is_dry=is_dry)
    if is_imagined:
        note("No channel is configured in [alert.channels]. This is what one would be told:")
    told = [item.channel for item in result.messages if item.is_told]
    if told:
        note(f"Told {counted(len(told), 'message')} on {counted(len(set(told)), 'channel')}.")
    return result


def _beat(settings: AlertSettings) -> list[str]:
    """Calls the heartbeat where one is configured, and returns what went wrong."""
    from meta_pipeline.alert import beat  # noqa: PLC0415

    try:
        if settings.heartbeat_url:
            beat(settings.heartbeat_url)
    except MetaPipelineError as error:
        return [str(error)]
    return []


def _alert_json(result: AlertResult) -> dict[str, Any]:
    from meta_pipeline.alert.channels import plain_body  # noqa: PLC0415

    return {
        "findings": [
            {**asdict(item.finding), "channels": item.channels, "is_muted": item.is_muted} for item in result.findings
        ],
        "messages": [
            {
                "channel": item.channel,
                "title": item.message.title,
                "text": plain_body(item.message, None),
                "is_told": item.is_told,
            }
            for item in result.messages
        ],
        "problems": result.problems,
    }


def _show_alert(result: AlertResult, *, is_dry: bool) -> None:
    from meta_pipeline.alert.channels import plain_body  # noqa: PLC0415

    for item in result.messages if is_dry else ():
        click.echo(f"[{item.channel}] {item.message.title}\n{plain_body(item.message, None)}\n")
    _tell(result.problems)
    muted = sum(item.is_muted for item in result.findings)
    note(f"{counted(len(result.findings), 'finding')} open" + (f", {muted} of them muted." if muted else "."))


def _require_export_extra() -> None:
    try:
        import openlineage.client  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed, which exporting needs: pip install 'meta-pipeline[export]'"
        ) from None


def _show_export(result: ExportResult) -> None:
    for name in result.unknown_places:
        note(
            f"No address is known of {name}: its tables are named by that. Give it one in namespaces of "
            "[export.openlineage], if others shall know them again"
        )
    _tell(result.problems)
    made = ", ".join(f"{count:,} of {kind}" for kind, count in result.made.items())
    next_time = "again without --since" if result.up_to is None else f"--since {result.up_to.isoformat()}"
    note(f"Exported {result.events:,} events: made were {made}. Next time: {next_time}")


def _report(home: Home, folder: Path, with_details: bool, settings: AlertSettings) -> tuple[PageResult, list[str]]:
    """Writes the page, and returns what could not be done beside it."""
    note("Writing the page ...")
    from meta_pipeline.report.page import write_page  # noqa: PLC0415
    from meta_pipeline.transform.docs import write_docs  # noqa: PLC0415
    from meta_pipeline.transform.project import project_folder  # noqa: PLC0415

    docs: str | None = DOCS_FILE
    problems = []
    try:
        write_docs(home, folder / DOCS_FILE)
    except MetaPipelineError as error:
        docs, problems = None, [str(error)]
    result = write_page(home, folder, project_folder(), settings.owner_of, docs=docs, with_details=with_details)
    shown = "with governance and the words of errors" if with_details else "fit for the public"
    note(f"Wrote {result.page}, {result.bytes / 1e6:.1f} MB, {shown}, in {result.seconds:.1f} s.")
    return result, problems


def _unreported(home: Home, page: ReportSettings, settings: AlertSettings) -> list[str]:
    """Writes the page where the configuration names a folder, and returns what could not be done."""
    if page.out is None:
        return []
    try:
        return _report(home, page.out, page.with_details, settings)[1]
    except MetaPipelineError as error:
        return [str(error)]


def _status(home: Home) -> FleetStatus:
    from meta_pipeline.report.status import read_status  # noqa: PLC0415

    return read_status(home)


def _watch(home: Home, interval: float) -> None:
    if not is_terminal():
        raise ConfigurationError(
            "--watch redraws a terminal, and this is none. Leave it out, and run it again instead."
        )
    from meta_pipeline.report.watch import watch  # noqa: PLC0415

    watch(home, interval)


def _show_markdown(home: Home) -> Severity | None:
    from meta_pipeline.report.markdown import markdown_of, read_findings  # noqa: PLC0415

    fleet, findings = read_findings(home)
    click.echo(markdown_of(fleet, findings))
    return fleet.worst


def _show_pipelines(home: Home, name: str, as_json: bool) -> FleetStatus:
    from meta_pipeline.report.pipelines import read_pipelines  # noqa: PLC0415

    fleet, details = read_pipelines(home, name)
    if as_json:
        print_json({"as_of": fleet.as_of, "pipelines": details, "uncovered": fleet.uncovered})
        return fleet
    from meta_pipeline.report.screens import print_details  # noqa: PLC0415

    print_details(details, fleet.as_of)
    _tell_uncovered(fleet)
    if fleet.is_past:
        note(fleet.summary())
    return fleet


def _show(fleet: FleetStatus, as_json: bool) -> None:
    if as_json:
        print_json(fleet)
        return
    if is_terminal():
        from meta_pipeline.report.status import COLUMNS, rows_of  # noqa: PLC0415

        print_rows(COLUMNS, rows_of(fleet))
    else:
        lines = [(item.status, item.name, item.where, _iso(item.last_load_at), item.reason) for item in fleet.pipelines]
        print_rows(dict.fromkeys(("Status", "Pipeline", "Where", "Last load", "Why")), lines)
    _tell_uncovered(fleet)
    note(fleet.summary())
    if not fleet.pipelines:
        note("Nothing was found. meta-pipeline check says what is read and what is left out.")


def _show_lineage(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    ways = {"comes from": answer.upstream, "goes to": answer.downstream}
    if is_terminal():
        from meta_pipeline.report.trees import print_tree  # noqa: PLC0415

        for title, steps in ways.items():
            if steps:
                print_tree(f"{answer.place.label} {title}", steps)
    else:
        rows = [
            (title, str(step.depth), step.origin.label, step.place.label, step.place.node_type, *_told_of(step))
            for title, steps in ways.items()
            for step in steps
        ]
        titles = ("Way", "Depth", "From here", "To there", "Type", "Relation", "Method", "Confidence")
        print_rows(dict.fromkeys(titles), rows)
    if not answer.upstream and not answer.downstream:
        note(f"Nothing is known that leads to or from {answer.place.label}.")


def _told_of(step: Step) -> tuple[str, str, str]:
    return f"{step.relation}, masked" if step.is_masked else step.relation, step.method, f"{step.confidence:g}"


def _note_annotations(found: Annotations) -> None:
    if not found.accepted:
        note("Nothing that a pipeline loads is suggested as personal data.")
    if found.excepted:
        note(f"{counted(found.excepted, 'column')} left out as exceptions in [governance].")
    if found.elsewhere:
        note(
            f"{counted(len(found.elsewhere), 'column')} of tables that no pipeline loads: tag them in dbt, with "
            f"meta: {{pii: true}}: {', '.join(found.elsewhere)}"
        )


def _show_coverage(coverage: Coverage, as_json: bool) -> None:
    if as_json:
        print_json(coverage)
        return
    columns = {"Project": 20, "Models": 18, "Columns": 18, "Sources": None}
    rows = [
        (
            _project(item),
            f"{item.analysed_count} of {item.model_count}",
            f"{item.column_count - item.unknown_column_count} of {item.column_count}",
            f"{item.matched_source_count} of {item.source_count} observed",
        )
        for item in coverage.projects
    ]
    print_rows(columns, rows)
    for gap in coverage.gaps:
        column = f".{gap.column_name}" if gap.column_name else ""
        warn(f"{gap.gap_type}: {gap.subject}{column}: {gap.reason}")
    if not coverage.projects:
        note("No dbt project is read. Name its folder of artifacts: dbt_artifacts in [sources.dlt_metadata].")


def _project(project: ProjectCoverage) -> str:
    return project.project_name or project.artifact_path


def _known(project: ProjectCoverage) -> str:
    if project.coverage is None or project.outcome != "read":
        return f"its manifest is {project.outcome}"
    return f"all columns of {project.coverage:.0%} of its models"


def _tell_uncovered(fleet: FleetStatus) -> None:
    for line in fleet.uncovered_lines:
        warn(line)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def _exit_code(worst: Severity | None, fail_on: str) -> int:
    from meta_pipeline.severity import is_at_least  # noqa: PLC0415

    return FINDINGS if worst and fail_on != "never" and is_at_least(worst, fail_on) else DONE


def _tell(problems: Sequence[str]) -> None:
    for problem in problems:
        warn(f"Problem: {problem}")


def _moment(text: str | None, option: str = "--as-of") -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r} is not a time; write it as 2026-02-09 or 2026-02-09T06:00 (UTC)"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
