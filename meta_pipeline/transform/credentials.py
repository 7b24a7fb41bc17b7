"""From dlt's credentials of a server to dbt's: what connects the one connects the other."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import HOME_DESTINATION, MARTS_DATASET
from meta_pipeline.transform.profile import Profile

THREADS = 4

# dbt keeps values of variables with this prefix out of its logs.
_SECRET_PREFIX = "DBT_ENV_SECRET_META_PIPELINE_"  # noqa: S105

_POSTGRES_SETTINGS = ("sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle", "application_name")
# What dbt has no setting for, its driver takes from the environment.
_LIBPQ_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "channel_binding": "PGCHANNELBINDING",
        "client_encoding": "PGCLIENTENCODING",
        "gssencmode": "PGGSSENCMODE",
        "hostaddr": "PGHOSTADDR",
        "krbsrvname": "PGKRBSRVNAME",
        "options": "PGOPTIONS",
        "require_auth": "PGREQUIREAUTH",
        "sslcrl": "PGSSLCRL",
        "sslnegotiation": "PGSSLNEGOTIATION",
        "sslsni": "PGSSLSNI",
        "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
        "target_session_attrs": "PGTARGETSESSIONATTRS",
    }
)

_SNOWFLAKE_SETTINGS = (
    "warehouse",
    "role",
    "authenticator",
    "workload_identity_provider",
    "host",
    "port",
    "protocol",
    "proxy_host",
    "proxy_port",
    "insecure_mode",
    "client_session_keep_alive",
)
# The last two dlt adds to every connection: its own name, and that sessions are in UTC.
_SNOWFLAKE_KNOWN = (
    *("account", "user", "database", "password", "private_key", "private_key_path", "token"),
    *("application", "timezone"),
)


def server_profile(destination_type: str, config: Any) -> Profile:
    """Returns the dbt profile of a server.

    Args:
        destination_type: dlt's type of it.
        config: dlt's resolved configuration of the destination.

    Raises:
        ConfigurationError: dbt cannot connect with what dlt connects with.
    """
    outputs: dict[str, Callable[[Any, dict[str, str]], dict[str, Any]]] = {
        "postgres": _postgres,
        "snowflake": _snowflake,
        "bigquery": _bigquery,
    }
    variables: dict[str, str] = {}
    output = outputs[destination_type](config, variables)
    return Profile({"type": destination_type, "schema": MARTS_DATASET, "threads": THREADS, **output}, variables)


def _postgres(config: Any, variables: dict[str, str]) -> dict[str, Any]:
    credentials = config.credentials
    query = {name: str(value) for name, value in credentials.get_query().items()}
    timeout = int(query.pop("connect_timeout"))
    _refuse_unknown(query, (*_POSTGRES_SETTINGS, *_LIBPQ_VARIABLES, "host"))
    variables.update({_LIBPQ_VARIABLES[name]: value for name, value in query.items() if name in _LIBPQ_VARIABLES})
    output: dict[str, Any] = {name: query[name] for name in _POSTGRES_SETTINGS if name in query}
    if "keepalives_idle" in output:
        output["keepalives_idle"] = int(output["keepalives_idle"])
    return output | {
        "host": query.get("host") or credentials.host,
        "port": credentials.port,
        "user": credentials.username,
        "password": _secret("PASSWORD", credentials.password, variables),
        "dbname": credentials.database,
        "connect_timeout": timeout,
    }


def _snowflake(config: Any, variables: dict[str, str]) -> dict[str, Any]:
    # As dlt hands them to the driver that dbt uses too: keys are decoded, and a token that a file holds is read.
    given = {name: value for name, value in config.credentials.to_connector_params().items() if value is not None}
    _refuse_unknown(given, (*_SNOWFLAKE_SETTINGS, *_SNOWFLAKE_KNOWN))
    output: dict[str, Any] = {name: given[name] for name in _SNOWFLAKE_SETTINGS if name in given}
    for name in {"port", "proxy_port"} & output.keys():
        output[name] = int(output[name])
    for name in {"user", "account", "database"} & given.keys():
        output[name] = given[name]
    if "private_key" in given:
        given["private_key"] = base64.b64encode(given["private_key"]).decode("ascii")
    for name in ("password", "private_key", "token"):
        if name in given:
            output[name] = _secret(name.upper(), given[name], variables)
    return output


def _bigquery(config: Any, variables: dict[str, str]) -> dict[str, Any]:
    credentials = config.credentials
    output = {"project": config.project_id or credentials.project_id, "location": config.location}
    if credentials.has_default_credentials():
        return output | {"method": "oauth"}
    if hasattr(credentials, "private_key"):
        return output | {
            "method": "service-account-json",
            "keyfile_json": {
                "type": "service_account",
                "project_id": credentials.project_id,
                "client_email": credentials.client_email,
                "token_uri": credentials.token_uri,
                "private_key": _secret("PRIVATE_KEY", credentials.private_key, variables),
            },
        }
    secrets = {name: getattr(credentials, name, None) for name in ("token", "refresh_token", "client_secret")}
    return output | {
        "method": "oauth-secrets",
        "client_id": credentials.client_id,
        "token_uri": credentials.token_uri,
        **{name: _secret(name.upper(), value, variables) for name, value in secrets.items() if value},
    }


def _secret(name: str, value: str, variables: dict[str, str]) -> str:
    """Puts a secret into a variable and returns how a profile refers to it."""
    variables[_SECRET_PREFIX + name] = str(value)
    return f"{{{{ env_var('{_SECRET_PREFIX}{name}', '') }}}}"


def _refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise ConfigurationError(
            f"dbt, which builds the marts, cannot connect with {', '.join(unknown)}. Take it out of the credentials in "
            f"[destination.{HOME_DESTINATION}], or let the home be another warehouse."
        )
