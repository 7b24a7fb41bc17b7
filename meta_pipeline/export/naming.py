"""What tables are called, by the naming rules of OpenLineage: a namespace for the place, a name within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """Where a destination is, as far as that is known; nothing of it is a secret.

    Args:
        destination_name: Name of the dlt destination.
        destination_type: dlt's type of it.
        host: Host, account (Snowflake) or endpoint.
        port: Port; None for the usual one.
        database: Database, project or catalogue.
        bucket_url: Folder or URL of a filesystem.
        account: Account of Azure's storage.
        region: Region of AWS.
        backend: What SQLAlchemy calls the database.
    """

    destination_name: str
    destination_type: str
    host: str | None = None
    port: int | None = None
    database: str | None = None
    bucket_url: str | None = None
    account: str | None = None
    region: str | None = None
    backend: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset of OpenLineage.

    Args:
        namespace: The place.
        name: Its name there.
    """

    namespace: str
    name: str


@dataclass(frozen=True)
class Place:
    """How the tables of a place are named.

    Args:
        namespace: The namespace of all of them.
        prefix: What comes before dataset and table.
        separator: What stands between the parts.
        has_database: Whether names begin with a database.
        in_dataset: What stands between dataset and table, where that is something else.
        has_folded_names: Whether the warehouse stores names in upper case that are written without quotes.
        is_known: Whether the namespace is by the rules; else it is made of the destination's name.
    """

    namespace: str
    prefix: tuple[str, ...] = ()
    separator: str = "."
    has_database: bool = False
    in_dataset: str | None = None
    has_folded_names: bool = False
    is_known: bool = True

    def table(self, dataset: str, table: str) -> Dataset:
        """Returns the dataset of OpenLineage that an observed table is.

        Args:
            dataset: dlt's dataset, in the warehouse's own case.
            table: The table, as dlt normalizes its name.
        """
        within = [dataset, table] if self.in_dataset is None else [f"{dataset}{self.in_dataset}{table}"]
        name = self.separator.join([*self.prefix, *within])
        # dlt tells tables by lower case; where the dataset is in upper case, so are they.
        return Dataset(self.namespace, name.upper() if self.has_folded_names and dataset.isupper() else name)

    def relation(self, database: str | None, schema: str, identifier: str) -> Dataset:
        """Returns the dataset of OpenLineage that a table or view of dbt is.

        Args:
            database: Its database; None for that of the place.
            schema: Its schema.
            identifier: Its name.
        """
        prefix = (database,) if database and self.has_database else self.prefix
        name = self.separator.join([*prefix, schema, identifier])
        return Dataset(self.namespace, name.upper() if self.has_folded_names else name)


def place_of(address: Address, namespace: str | None = None) -> Place:
    """Returns how the tables of a destination are named.

    Args:
        address: Where the destination is.
        namespace: The namespace that the configuration gives it.

    Returns:
        The place; where too little is known of the address, one by the name of the destination.
    """
    rule = _RULES.get(address.destination_type, _alias)
    place = rule(address) or _alias(address)
    if namespace is None:
        return place
    if not place.is_known and address.database and address.destination_type in _WITH_DATABASE:
        return Place(namespace, (address.database,), has_database=True)
    return replace(place, namespace=namespace, is_known=True)


def place_of_project(project_name: str, place: Place | None, namespace: str | None = None) -> Place:
    """Returns how what a dbt project builds is named.

    Args:
        project_name: The project.
        place: The only place that its sources are in; None where there are several, or none is observed.
        namespace: The namespace that the configuration gives it.
    """
    if namespace is not None:
        return replace(place, namespace=namespace) if place else Place(namespace, has_database=True)
    return place or Place(f"dbt://{project_name}", has_database=True, is_known=False)


def read_from(location: str, database: str | None, dataset: str | None, name: str | None) -> Dataset:
    """Returns the dataset of OpenLineage that an unobserved table, endpoint or place of files is.

    Args:
        location: Its address, by a captured run.
        database: The table's database.
        dataset: The table's dataset or schema.
        name: Table or endpoint; None where the location is all that is known.
    """
    parts = urlsplit(location)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    if not scheme:
        return Dataset("file", "/".join(filter(None, (location.rstrip("/"), name))) or "/")
    if scheme in _PORTS and parts.hostname:
        namespace = f"{scheme}://{parts.hostname}:{parts.port or _PORTS[scheme]}"
        inner = (dataset or database, name) if scheme == "mysql" else (database, dataset, name)
        return Dataset(namespace, ".".join(filter(None, inner)) or parts.path.strip("/") or "/")
    if scheme == "file":
        return Dataset("file", "/".join(filter(None, (parts.path.rstrip("/"), name))) or "/")
    path = [parts.path.strip("/"), *([dataset] if dataset else []), (name or "").removeprefix(location).strip("/")]
    return Dataset(f"{scheme}://{_host(parts.netloc)}", "/".join(filter(None, path)) or "/")


def _alias(address: Address) -> Place:
    # What has no rule in the standard has no better name.
    known = address.destination_type in ("duckdb", "ducklake", "motherduck")
    scheme = "duckdb" if known else address.destination_type
    return Place(f"{scheme}://{address.destination_name}", is_known=known)


def _server(scheme: str, port: int) -> Callable[[Address], Place | None]:
    """Returns the rule for servers whose tables are named by database, schema and table."""

    def rule(address: Address) -> Place | None:
        if not address.host or not address.database:
            return None
        return Place(f"{scheme}://{address.host}:{address.port or port}", (address.database,), has_database=True)

    return rule


def _redshift(address: Address) -> Place | None:
    if not address.host or not address.database:
        return None
    # <cluster>.<id>.<region>.redshift.amazonaws.com
    labels = address.host.split(".")
    host = f"{labels[0]}.{labels[2]}" if address.host.endswith(".amazonaws.com") and len(labels) > 4 else address.host
    return Place(f"redshift://{host}:{address.port or 5439}", (address.database,), has_database=True)


def _synapse(address: Address) -> Place | None:
    return Place(f"sqlserver://{address.host}:{address.port or 1433}") if address.host else None


def _fabric(address: Address) -> Place | None:
    if not address.host or not address.database:
        return None
    return Place(f"fabric-warehouse://{address.host}", (address.database,), has_database=True)


def _snowflake(address: Address) -> Place | None:
    if not address.host or not address.database:
        return None
    account = address.host.removesuffix(".snowflakecomputing.com")
    return Place(f"snowflake://{account}", (address.database,), has_database=True, has_folded_names=True)


def _bigquery(address: Address) -> Place | None:
    return Place("bigquery", (address.database,), has_database=True) if address.database else None


def _clickhouse(address: Address) -> Place | None:
    """Names what dlt makes: it has no datasets there, but tables whose names begin with one."""
    if not address.host or not address.database:
        return None
    namespace = f"clickhouse://{address.host}:{address.port or 9440}"
    return Place(namespace, (address.database,), in_dataset="___")


def _databricks(address: Address) -> Place | None:
    if not address.host or not address.database:
        return None
    return Place(f"unitycatalog://{address.host}", (address.database,), has_database=True)


def _athena(address: Address) -> Place | None:
    if not address.region:
        return None
    return Place(
        f"awsathena://athena.{address.region}.amazonaws.com", (address.database or "AwsDataCatalog",), has_database=True
    )


def _sqlalchemy(address: Address) -> Place | None:
    if address.backend not in ("mysql", "mariadb") or not address.host:
        return None
    return Place(f"mysql://{address.host}:{address.port or 3306}")


def _filesystem(address: Address) -> Place | None:
    if not address.bucket_url:
        return None
    parts = urlsplit(address.bucket_url)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    path = tuple(filter(None, parts.path.split("/")))
    if scheme in ("", "file"):
        return Place("file", (str(PurePosixPath("/", *path)),), separator="/")
    if scheme in ("az", "abfs", "abfss") and "@" not in parts.netloc:
        if not address.account:
            return None
        return Place(f"abfss://{parts.netloc}@{address.account}.dfs.core.windows.net", path, separator="/")
    if scheme in ("abfs", "abfss"):
        return Place(f"abfss://{parts.netloc}", path, separator="/")
    return Place(f"{scheme}://{_host(parts.netloc)}", path, separator="/")


def _host(netloc: str) -> str:
    return netloc.rsplit("@", maxsplit=1)[-1]


_SCHEMES = {"postgresql": "postgres", "mariadb": "mysql", "gcs": "gs", "s3a": "s3", "s3n": "s3"}
_PORTS = {"postgres": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521, "redshift": 5439}
_WITH_DATABASE = ("postgres", "redshift", "mssql", "fabric", "snowflake", "bigquery", "clickhouse", "databricks")
_RULES: Mapping[str, Callable[[Address], Place | None]] = {
    "athena": _athena,
    "bigquery": _bigquery,
    "clickhouse": _clickhouse,
    "databricks": _databricks,
    "fabric": _fabric,
    "filesystem": _filesystem,
    "mssql": _server("mssql", 1433),
    "postgres": _server("postgres", 5432),
    "redshift": _redshift,
    "snowflake": _snowflake,
    "sqlalchemy": _sqlalchemy,
    "synapse": _synapse,
}
