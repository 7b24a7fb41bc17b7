"""The dashboard's files in the repository are those that the script makes, and stand on columns that the marts have."""

from __future__ import annotations

import re
from zipfile import ZipFile

import yaml

from bi.superset.build import CHARTS, DATASETS, FOLDER, as_yaml, export, write_zip
from meta_pipeline.transform.project import project_folder

COLUMN_SETTINGS = ("all_columns", "groupby", "x_axis")


def test_the_folder_is_what_the_script_makes() -> None:
    found = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*.yaml")}
    assert found == {name: as_yaml(file) for name, file in export().items()}, "run: python bi/superset/build.py"


def test_charts_ask_for_columns_and_metrics_that_there_are() -> None:
    datasets = {dataset.mart: dataset for dataset in DATASETS}
    for chart in CHARTS:
        file = export()[f"datasets/meta_pipeline/{chart.mart}.yaml"]
        columns = {column["column_name"] for column in file["columns"]}
        asked = [chart.settings[name] for name in COLUMN_SETTINGS if name in chart.settings]
        assert {name for item in asked for name in ([item] if isinstance(item, str) else item)} <= columns, chart.title
        metrics = {chart.settings["metric"]} if "metric" in chart.settings else set(chart.settings.get("metrics", ()))
        assert metrics <= set(datasets[chart.mart].metrics), chart.title


def test_ids_are_the_same_at_every_build_and_no_two_alike() -> None:
    ids = re.findall(r"^uuid: (.*)$", "\n".join(map(as_yaml, export().values())), flags=re.MULTILINE)
    assert len(ids) == len(set(ids)) == len(CHARTS) + len(DATASETS) + 2
    assert "964ef92b-f240-56c6-9c4c-12ae49eaf70b" in ids


def test_the_zip_names_the_database_that_is_asked_for(tmp_path) -> None:
    write_zip(tmp_path / "dashboard.zip", "duckdb:////data/marts.duckdb")
    with ZipFile(tmp_path / "dashboard.zip") as bundle:
        database = yaml.safe_load(bundle.read("meta_pipeline/databases/meta_pipeline.yaml"))
    assert database["sqlalchemy_uri"] == "duckdb:////data/marts.duckdb"


def test_the_dashboard_is_an_exposure_of_the_marts_that_it_shows() -> None:
    exposures = yaml.safe_load((project_folder() / "models" / "exposures.yml").read_text())["exposures"]
    (dashboard,) = (exposure for exposure in exposures if exposure["type"] == "dashboard")
    assert set(dashboard["depends_on"]) == {f"ref('{dataset.mart}')" for dataset in DATASETS}
