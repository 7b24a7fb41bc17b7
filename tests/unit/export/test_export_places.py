"""Addresses come out of dlt's configuration, and nothing that is a secret with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.export.naming import Address, place_of
from meta_pipeline.export.places import address_of
from tests.fixtures.collected import clear_environment

SECRET = "hunter2hunter2"

DESTINATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "postgres": (
        {"credentials": f"postgresql://{SECRET}:{SECRET}@db.example/finance?sslpassword={SECRET}"},
        "postgres://db.example:5432 finance.crm.orders",
    ),
    "snowflake": (
        {"credentials": f"snowflake://{SECRET}:{SECRET}@org-account/finance?warehouse={SECRET}&role={SECRET}"},
        "snowflake://org-account finance.crm.orders",
    ),
    "filesystem": (
        {
            "bucket_url": f"s3://lake/raw?key={SECRET}",
            "credentials__aws_access_key_id": SECRET,
            "credentials__aws_secret_access_key": SECRET,
        },
        "s3://lake raw/crm/orders",
    ),
    "bigquery": (
        {
            "credentials__project_id": "project",
            "credentials__client_email": SECRET,
            "credentials__private_key": SECRET,
        },
        "bigquery project.crm.orders",
    ),
    "sqlalchemy": ({"credentials": f"mysql+pymysql://u:{SECRET}@db.example/x"}, "mysql://db.example:3306 crm.orders"),
    "motherduck": ({"credentials": f"md:///finance?motherduck_token={SECRET}"}, "duckdb://it crm.orders"),
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_an_address_is_taken_from_the_configuration_and_no_secret(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, name = DESTINATIONS[kind]
    for key, value in {"destination_type": kind, **settings}.items():
        monkeypatch.setenv(f"DESTINATION__IT__{key.upper()}", value)

    address = address_of("it", kind)
    dataset = place_of(address).table("crm", "orders")

    assert f"{dataset.namespace} {dataset.name}" == name
    assert SECRET not in repr(address)


def test_of_a_destination_without_configuration_name_type_and_database_are_left() -> None:
    assert address_of("gone", "postgres", "shop") == Address("gone", "postgres", database="shop")


def test_no_module_of_the_name_of_a_destination_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "warehouse_of_old.py").write_text("raise SystemExit('it ran')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    assert address_of("warehouse_of_old", "postgres") == Address("warehouse_of_old", "postgres")


def test_credentials_that_are_missing_do_not_hide_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__IT__DESTINATION_TYPE", "postgres")
    monkeypatch.setenv("DESTINATION__IT__CREDENTIALS__HOST", "db.example")
    monkeypatch.setenv("DESTINATION__IT__CREDENTIALS__DATABASE", "shop")

    found = address_of("it", "postgres")

    assert (found.host, found.port, found.database) == ("db.example", 5432, "shop")
