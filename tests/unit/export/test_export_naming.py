from __future__ import annotations

from typing import Any

import pytest
from openlineage.client.naming import dataset as official

from meta_pipeline.export.naming import Address, Dataset, Place, place_of, place_of_project, read_from


def place(destination_type: str, namespace: str | None = None, **known: Any) -> Place:
    return place_of(Address("it", destination_type, **known), namespace)


PARTS = {"schema": "crm", "table": "orders"}
SERVER: dict[str, Any] = {"host": "db.example.com", "port": 6000, "database": "shop"}
NAMED = {"host": "db.example.com", "port": "6000", "database": "shop"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (place("postgres", **SERVER), official.Postgres(**NAMED, **PARTS)),
        (
            place("redshift", **{**SERVER, "host": "cluster.x1y2.eu-west-1.redshift.amazonaws.com"}),
            official.Redshift("cluster", "eu-west-1", "6000", "shop", **PARTS),
        ),
        (place("bigquery", database="project"), official.BigQuery("project", "crm", "orders")),
        (
            place("snowflake", host="org-account", database="SHOP"),
            official.Snowflake("org", "account", "SHOP", **PARTS),
        ),
        (place("synapse", **SERVER), official.AzureSynapse("db.example.com", "6000", **PARTS)),
        (place("athena", region="eu-west-1"), official.Athena("eu-west-1", "AwsDataCatalog", "crm", "orders")),
        (
            place("sqlalchemy", host="db.example.com", port=6000, backend="mysql"),
            official.MySQL("db.example.com", "6000", "crm", "orders"),
        ),
        (place("filesystem", bucket_url="s3://lake/raw/"), official.S3("lake", "raw/crm/orders")),
        (place("filesystem", bucket_url="gcs://lake"), official.GCS("lake", "crm/orders")),
        (place("filesystem", bucket_url="/data/lake"), official.LocalFileSystem("/data/lake/crm/orders")),
        (place("filesystem", bucket_url="file:///data/lake"), official.LocalFileSystem("/data/lake/crm/orders")),
        (
            place("filesystem", bucket_url="az://box/raw", account="store"),
            official.ABFSS("box", "store", "raw/crm/orders"),
        ),
        (
            place("filesystem", bucket_url="abfss://box@store.dfs.core.windows.net/raw"),
            official.ABFSS("box", "store", "raw/crm/orders"),
        ),
    ],
)
def test_tables_are_named_as_the_official_client_names_them(ours: Place, theirs: official.DatasetNaming) -> None:
    assert ours.is_known
    assert ours.table("crm", "orders") == Dataset(theirs.get_namespace(), theirs.get_name())


@pytest.mark.parametrize(
    ("ours", "dataset"),
    [
        (place("postgres", host="db", database="shop"), Dataset("postgres://db:5432", "shop.crm.orders")),
        (place("mssql", host="db", database="shop"), Dataset("mssql://db:1433", "shop.crm.orders")),
        (place("fabric", host="db", database="shop"), Dataset("fabric-warehouse://db", "shop.crm.orders")),
        (place("databricks", host="adb", database="main"), Dataset("unitycatalog://adb", "main.crm.orders")),
        (place("clickhouse", host="db", database="shop"), Dataset("clickhouse://db:9440", "shop.crm___orders")),
        (place("duckdb"), Dataset("duckdb://it", "crm.orders")),
        (place("duckdb", "duckdb://warehouse"), Dataset("duckdb://warehouse", "crm.orders")),
        (place("postgres", "postgres://prod:5432", **SERVER), Dataset("postgres://prod:5432", "shop.crm.orders")),
        (
            place("postgres", "postgres://prod:5432", database="shop"),
            Dataset("postgres://prod:5432", "shop.crm.orders"),
        ),
    ],
)
def test_tables_are_named_by_the_rules_that_the_client_has_no_class_for(ours: Place, dataset: Dataset) -> None:
    assert ours.is_known
    assert ours.table("crm", "orders") == dataset


@pytest.mark.parametrize("kind", ["postgres", "snowflake", "bigquery", "redshift", "filesystem", "athena", "dremio"])
def test_a_place_whose_address_is_not_known_has_the_name_of_its_destination(kind: str) -> None:
    ours = place(kind)

    assert not ours.is_known
    assert ours.table("crm", "orders") == Dataset(f"{kind}://it", "crm.orders")


def test_snowflake_has_names_in_upper_case_where_dlt_left_them_to_it() -> None:
    ours = place("snowflake", host="org-account", database="shop")

    assert ours.table("CRM", "orders").name == "SHOP.CRM.ORDERS"
    assert ours.table("Crm", "Orders").name == "shop.Crm.Orders"
    assert ours.relation(None, "marts", "sales").name == "SHOP.MARTS.SALES"


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (place("postgres", **SERVER), "other.marts.sales"),
        (place("duckdb"), "marts.sales"),
        (place_of_project("shop", None), "other.marts.sales"),
        (place_of_project("shop", place("duckdb")), "marts.sales"),
    ],
)
def test_dbt_may_build_in_another_database(ours: Place, name: str) -> None:
    assert ours.relation("other", "marts", "sales").name == name


def test_a_dbt_project_is_where_its_sources_are_unless_the_configuration_says_otherwise() -> None:
    postgres = place("postgres", **SERVER)

    assert place_of_project("shop", postgres) == postgres
    assert place_of_project("shop", None).namespace == "dbt://shop"
    assert not place_of_project("shop", None).is_known
    assert place_of_project("shop", None, "postgres://b:1").relation("d", "s", "t") == Dataset(
        "postgres://b:1", "d.s.t"
    )


@pytest.mark.parametrize(
    ("location", "database", "dataset", "name", "expected"),
    [
        (
            "postgresql://db.example",
            "shop",
            "public",
            "users",
            Dataset("postgres://db.example:5432", "shop.public.users"),
        ),
        ("postgresql://db:6000", None, "public", "users", Dataset("postgres://db:6000", "public.users")),
        ("mysql://db", "shop", None, "users", Dataset("mysql://db:3306", "shop.users")),
        ("https://api.example/v1", None, None, "orders", Dataset("https://api.example", "v1/orders")),
        ("https://api.example", None, None, "https://api.example/v1/x", Dataset("https://api.example", "v1/x")),
        ("s3://bucket/in/", None, None, None, Dataset("s3://bucket", "in")),
        ("s3://bucket", None, None, None, Dataset("s3://bucket", "/")),
        ("/data/in", None, None, None, Dataset("file", "/data/in")),
        ("file:///data/in", None, None, None, Dataset("file", "/data/in")),
    ],
)
def test_what_runs_read_is_named_by_its_address(
    location: str, database: str | None, dataset: str | None, name: str | None, expected: Dataset
) -> None:
    assert read_from(location, database, dataset, name) == expected
