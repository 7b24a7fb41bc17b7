"""What each type of destination needs to be told, with placeholders for what only its owner knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Secretless:
    """What a type of destination needs where a workflow proves who it is by OpenID Connect.

    Args:
        settings: Values for `config.toml`, by their key.
        secrets: Values for `secrets.toml`, which hold no password, but are read there alone.
    """

    settings: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """A type of destination.

    Args:
        secrets: Values for `secrets.toml`, by their key; a dot leads into a table.
        settings: Values for `config.toml`, likewise.
        extra: Extra of the package that it needs; None where it needs none.
        secretless: What it needs where a workflow proves who it is by OpenID Connect; None where it cannot.
    """

    secrets: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    extra: str | None = None
    secretless: Secretless | None = None


def _url(scheme: str, place: str) -> dict[str, str]:
    return {"credentials": f"{scheme}://<user>:<password>@{place}"}


def _snowflake_url(who: str, *more: str) -> dict[str, str]:
    query = "&".join(("warehouse=<warehouse>", "role=<role>", *more))
    return {"credentials": f"snowflake://{who}@<account>/<database>?{query}"}


_AWS = {
    "credentials.aws_access_key_id": "<key id>",
    "credentials.aws_secret_access_key": "<key>",
    "credentials.region_name": "<location>",
}

KINDS: Mapping[str, Kind] = {
    "athena": Kind(_AWS, {"query_result_bucket": "s3://<bucket>"}, "athena"),
    "bigquery": Kind(
        {
            "credentials.project_id": "<project>",
            "credentials.client_email": "<service account>",
            "credentials.private_key": "<private key>",
        },
        {"location": "EU"},
        "bigquery",
        Secretless({"location": "EU", "project_id": "<project>"}, {}),
    ),
    "clickhouse": Kind(_url("clickhouse", "<host>:9440/<database>?secure=1"), {}, "clickhouse"),
    "databricks": Kind(
        {
            "credentials.server_hostname": "<host>",
            "credentials.http_path": "<http path>",
            "credentials.catalog": "<database>",
            "credentials.access_token": "<token>",
        },
        {},
        "databricks",
    ),
    "dremio": Kind(_url("grpc", "<host>:32010/<database>"), {"staging_data_source": "<bucket>"}, "dremio"),
    "duckdb": Kind({"credentials": "<database file>"}),
    "ducklake": Kind(
        {
            "credentials.catalog": "postgresql://<user>:<password>@<host>:5432/<database>",
            "credentials.storage": "s3://<bucket>",
        },
        {},
        "ducklake",
    ),
    "fabric": Kind(
        {
            "credentials.host": "<host>",
            "credentials.database": "<database>",
            "credentials.azure_tenant_id": "<tenant id>",
            "credentials.azure_client_id": "<client id>",
            "credentials.azure_client_secret": "<client secret>",
        },
        {},
        "fabric",
    ),
    "filesystem": Kind(_AWS, {"bucket_url": "s3://<bucket>"}, "s3"),
    "motherduck": Kind({"credentials.database": "<database>", "credentials.password": "<token>"}, {}, "motherduck"),
    "mssql": Kind(_url("mssql", "<host>:1433/<database>"), {}, "mssql"),
    "postgres": Kind(_url("postgresql", "<host>:5432/<database>"), {}, "postgres"),
    "redshift": Kind(_url("redshift", "<host>:5439/<database>"), {}, "redshift"),
    "snowflake": Kind(
        _snowflake_url("<user>:<password>"),
        {},
        "snowflake",
        Secretless({}, _snowflake_url("<user>", "authenticator=WORKLOAD_IDENTITY&workload_identity_provider=OIDC")),
    ),
    "sqlalchemy": Kind(_url("mysql+pymysql", "<host>:3306/<database>"), {}, "sqlalchemy"),
    "synapse": Kind(_url("synapse", "<host>:1433/<database>"), {}, "synapse"),
}
"""By dlt's type of destination, what it needs."""
