"""Builds the dashboard for Apache Superset from the descriptions of the marts.

``python bi/superset/build.py`` writes the folder ``bi/superset/meta_pipeline`` anew. With ``--zip FILE`` it writes what
Superset imports, and with ``--uri`` that file names a database of yours.
"""

from __future__ import annotations

import argparse
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

_HERE = Path(__file__).resolve().parent
_MARTS = _HERE.parents[1] / "dbt_project" / "models" / "marts"
FOLDER = _HERE / "meta_pipeline"

EXAMPLE_URI = "postgresql+psycopg2://reader@db.example.com:5432/observability"
_NAMESPACE = UUID("5f0c6b0e-3d0f-4a3c-9d61-6c1d6b1f9a55")
_VERSION = "1.0.0"
_NO_TIME = "No filter"
_TEMPORAL = ("timestamp", "date")
_WIDTHS = {"reason": 340, "summary": 260, "error": 400}
_GREEN, _GREY, _YELLOW, _ORANGE, _RED = "#5AC189", "#B2B2B2", "#FCC700", "#FF7F44", "#E04355"
_COLORS = {
    **dict.fromkeys(("healthy", "succeeded"), _GREEN),
    **dict.fromkeys(("new", "empty", "retired"), _GREY),
    **dict.fromkeys(("anomalous", "partial", "with_failed_jobs"), _YELLOW),
    **dict.fromkeys(("late", "stalled", "unfinished"), _ORANGE),
    **dict.fromkeys(("failing", "unreachable", "failed", "interrupted"), _RED),
}

File = dict[str, Any]
Files = dict[str, File]


@dataclass(frozen=True)
class Dataset:
    """A mart as Superset sees it.

    Args:
        mart: Name of the mart.
        time_column: The column that its rows are dated by, if they are.
        metrics: SQL of what it is asked for, by name.
    """

    mart: str
    time_column: str | None
    metrics: Mapping[str, str]

    @property
    def uuid(self) -> str:
        """Returns its id, the same at every build."""
        return _uuid("dataset", self.mart)


@dataclass(frozen=True)
class Chart:
    """A chart of the dashboard.

    Args:
        title: Its title.
        mart: The mart that it shows.
        kind: Superset's name of the kind of chart.
        width: Columns of the dashboard's twelve.
        settings: What this kind needs beside what all need.
    """

    title: str
    mart: str
    kind: str
    width: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uuid(self) -> str:
        """Returns its id, the same at every build."""
        return _uuid("chart", self.title)


def _uuid(*names: str) -> str:
    return str(uuid5(_NAMESPACE, "/".join(names)))


def _number(title: str, mart: str, metric: str, number_format: str = "SMART_NUMBER") -> Chart:
    settings = {"metric": metric, "y_axis_format": number_format, "header_font_size": 0.4, "subheader_font_size": 0.15}
    return Chart(title, mart, "big_number_total", 3, settings)


def _bars(title: str, mart: str, time_column: str, metric: str, by: str) -> Chart:
    settings = {
        "x_axis": time_column,
        "time_grain_sqla": "P1D",
        "metrics": [metric],
        "groupby": [by],
        "stack": "Stack",
        "row_limit": 10000,
        "show_legend": True,
        "legendOrientation": "top",
        "x_axis_time_format": "smart_date",
        "y_axis_format": "SMART_NUMBER",
        "rich_tooltip": True,
        "truncate_metric": True,
    }
    return Chart(title, mart, "echarts_timeseries_bar", 6, settings)


def _table(title: str, mart: str, columns: list[str], order_by: str, *, descending: bool, width: int = 6) -> Chart:
    settings = {
        "query_mode": "raw",
        "all_columns": columns,
        "order_by_cols": [f'["{order_by}", {"false" if descending else "true"}]'],
        "row_limit": 1000,
        "page_length": 10,
        "show_cell_bars": False,
        "column_config": {name: {"columnWidth": _WIDTHS[name]} for name in columns if name in _WIDTHS},
        "table_timestamp_format": "%Y-%m-%d %H:%M",
    }
    return Chart(title, mart, "table", width, settings)


DATASETS = (
    Dataset(
        "pipeline_health",
        None,
        {
            "pipelines": "count(*)",
            "not_well": "sum(case when status in ('healthy', 'new', 'retired') then 0 else 1 end)",
        },
    ),
    Dataset("alerts", None, {"findings": "count(*)"}),
    Dataset(
        "runs",
        "started_at",
        {
            "runs": "count(*)",
            "success_rate": "sum(case when outcome in ('succeeded', 'empty') then 1.0 else 0 end) "
            "/ nullif(count(outcome), 0)",
        },
    ),
    Dataset("loads", "committed_at", {"loads": "count(*)"}),
    Dataset("table_volume_daily", "load_date", {"rows": "sum(row_count)"}),
    Dataset("volume_anomalies", "observed_at", {"anomalies": "count(*)"}),
    Dataset("schema_changes", "changed_at", {"changes": "count(*)"}),
    Dataset("destination_coverage", None, {"datasets": "count(*)"}),
)

ROWS = (
    (
        30,
        (
            _number("Pipelines", "pipeline_health", "pipelines"),
            _number("Not well", "pipeline_health", "not_well"),
            _number("Open findings", "alerts", "findings"),
            _number("Runs that went well", "runs", "success_rate", ".1%"),
        ),
    ),
    (
        60,
        (
            _table(
                "Each pipeline",
                "pipeline_health",
                ["status", "pipeline_name", "destination_name", "reason", "last_load_at"],
                "status",
                descending=False,
                width=8,
            ),
            Chart(
                "How many are in which status",
                "pipeline_health",
                "pie",
                4,
                {
                    "metric": "pipelines",
                    "groupby": ["status"],
                    "donut": True,
                    "innerRadius": 30,
                    "outerRadius": 55,
                    "show_legend": True,
                    "label_type": "key_value",
                    "labels_outside": True,
                },
            ),
        ),
    ),
    (
        50,
        (
            _bars("Runs a day, by outcome", "runs", "started_at", "runs", "outcome"),
            _bars("Loads a day, by pipeline", "loads", "committed_at", "loads", "pipeline_name"),
        ),
    ),
    (
        50,
        (
            _bars("Rows a day, by table", "table_volume_daily", "load_date", "rows", "table_name"),
            _bars("Schema changes a day", "schema_changes", "changed_at", "changes", "change_type"),
        ),
    ),
    (
        55,
        (
            _table(
                "What is wrong",
                "alerts",
                ["severity", "alert_type", "subject", "summary", "opened_at"],
                "severity",
                descending=False,
            ),
            _table(
                "Far more or fewer rows than expected",
                "volume_anomalies",
                ["observed_at", "table_name", "grain", "observed_rows", "expected_rows", "direction"],
                "observed_at",
                descending=True,
            ),
        ),
    ),
    (
        45,
        (
            _table(
                "What was read, and what could not be",
                "destination_coverage",
                ["outcome", "destination_name", "dataset_name", "error", "last_collected_at"],
                "outcome",
                descending=True,
                width=12,
            ),
        ),
    ),
)

CHARTS = tuple(chart for _, charts in ROWS for chart in charts)


def export(uri: str = EXAMPLE_URI) -> Files:
    """Returns the files of the dashboard, as Superset exports and imports them.

    Args:
        uri: SQLAlchemy's URL of the database that holds the marts.
    """
    return {
        "metadata.yaml": {"version": _VERSION, "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/meta_pipeline.yaml": _database(uri),
        **{f"datasets/meta_pipeline/{dataset.mart}.yaml": _dataset(dataset) for dataset in DATASETS},
        **{f"charts/{_file_name(chart.title)}.yaml": _chart(chart) for chart in CHARTS},
        "dashboards/meta_pipeline.yaml": _dashboard(),
    }


def _database(uri: str) -> File:
    return {
        "database_name": "meta-pipeline",
        "sqlalchemy_uri": uri,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": _uuid("database"),
        "version": _VERSION,
    }


def _dataset(dataset: Dataset) -> File:
    (path,) = _MARTS.rglob(f"{dataset.mart}.yml")
    (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return {
        "table_name": dataset.mart,
        "main_dttm_col": dataset.time_column,
        "description": " ".join(model["description"].split()),
        "schema": "observability_marts",
        "sql": None,
        "params": None,
        "extra": None,
        "uuid": dataset.uuid,
        "database_uuid": _uuid("database"),
        "metrics": [
            {"metric_name": name, "verbose_name": name.replace("_", " "), "expression": sql}
            for name, sql in dataset.metrics.items()
        ],
        "columns": [_column(column) for column in model["columns"]],
        "version": _VERSION,
    }


def _column(column: Mapping[str, str]) -> File:
    return {
        "column_name": column["name"],
        "description": " ".join(column["description"].split()),
        "is_dttm": any(word in column["data_type"] for word in _TEMPORAL),
        "is_active": True,
        "groupby": True,
        "filterable": True,
        "expression": None,
    }


def _chart(chart: Chart) -> File:
    return {
        "slice_name": chart.title,
        "viz_type": chart.kind,
        "params": {
            "viz_type": chart.kind,
            "adhoc_filters": [],
            "time_range": _NO_TIME,
            "color_scheme": "supersetColors",
            **chart.settings,
        },
        "cache_timeout": None,
        "uuid": chart.uuid,
        "version": _VERSION,
        "dataset_uuid": _uuid("dataset", chart.mart),
    }


def _dashboard() -> File:
    return {
        "dashboard_title": "All dlt pipelines",
        "description": "Made of the marts of meta-pipeline.",
        "css": "",
        "slug": "meta-pipeline",
        "uuid": _uuid("dashboard"),
        "position": _position(),
        "metadata": {
            "color_scheme": "supersetColors",
            "cross_filters_enabled": True,
            "refresh_frequency": 0,
            "label_colors": _COLORS,
            "filter_bar_orientation": "HORIZONTAL",
            "native_filter_configuration": [_time_filter()],
        },
        "published": True,
        "version": _VERSION,
    }


def _time_filter() -> File:
    return {
        "id": f"NATIVE_FILTER-{_uuid('filter', 'time')}",
        "name": "Time range",
        "filterType": "filter_time",
        "type": "NATIVE_FILTER",
        "targets": [{}],
        "controlValues": {"enableEmptyFilter": False},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "description": "",
    }


def _position() -> File:
    rows = [f"ROW-{number}" for number in range(len(ROWS))]
    position: File = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": rows},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": "All dlt pipelines"}},
    }
    for row, (height, charts) in zip(rows, ROWS, strict=True):
        parents = ["ROOT_ID", "GRID_ID"]
        position[row] = {
            "type": "ROW",
            "id": row,
            "parents": parents,
            "children": [f"CHART-{chart.uuid}" for chart in charts],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart in charts:
            position[f"CHART-{chart.uuid}"] = {
                "type": "CHART",
                "id": f"CHART-{chart.uuid}",
                "parents": [*parents, row],
                "children": [],
                "meta": {
                    "uuid": chart.uuid,
                    # Superset puts its own number here while importing, but wants one to be there.
                    "chartId": CHARTS.index(chart) + 1,
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": height,
                },
            }
    return position


def _file_name(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title.lower())


def as_yaml(file: File) -> str:
    """Returns a file's text.

    Args:
        file: What it says.
    """
    return yaml.safe_dump(file, sort_keys=False, width=120, allow_unicode=True)


def write_folder(folder: Path = FOLDER) -> None:
    """Writes the files into a folder, in place of what stood there.

    Args:
        folder: The folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, file in export().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_yaml(file), encoding="utf-8")


def write_zip(path: Path, uri: str = EXAMPLE_URI) -> None:
    """Writes what Superset imports.

    Args:
        path: The zip file.
        uri: SQLAlchemy's URL of the database that holds the marts.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, file in export(uri).items():
            bundle.writestr(f"meta_pipeline/{name}", as_yaml(file))


def main() -> None:
    """Writes the folder, or the file that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zip", type=Path, help="Write this file instead of the folder.")
    parser.add_argument("--uri", default=EXAMPLE_URI, help="SQLAlchemy's URL of the database that holds the marts.")
    asked = parser.parse_args()
    if asked.zip:
        write_zip(asked.zip, asked.uri)
    else:
        write_folder()


if __name__ == "__main__":
    main()
