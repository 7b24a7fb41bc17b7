"""The dbt profile, as it follows from what dlt itself makes of the configuration."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import Home
from meta_pipeline.transform.profile import Profile, home_profile
from tests.fixtures.collected import clear_environment

Configure = Callable[..., Profile]

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLAIN_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")).decode()
PREFIX = "DBT_ENV_SECRET_META_PIPELINE_"


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Returns a function that configures the home in the environment and gives its profile."""
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)

    def profile(destination_type: str, **settings: str) -> Profile:
        for name, value in {"destination_type": destination_type, **settings}.items():
            monkeypatch.setenv(f"DESTINATION__OBSERVABILITY__{name}".upper(), value)
        return home_profile(Home(destination_type, "home", tmp_path))

    return profile


def written(profile: Profile, folder: Path) -> str:
    profile.write(folder)
    return (folder / "profiles.yml").read_text(encoding="utf-8")


def some(output: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: output[name] for name in names}


def test_a_duckdb_file_is_named_by_its_path(tmp_path: Path) -> None:
    profile = home_profile(Home("duckdb", '/data/it\'s "mine".duckdb', tmp_path))
    output = json.loads(written(profile, tmp_path / "new" / "folder"))["meta_pipeline"]["outputs"]["home"]

    assert output["path"] == '/data/it\'s "mine".duckdb'
    assert profile.variables == {}


def test_postgres_from_a_url(configure: Configure, tmp_path: Path) -> None:
    url = "postgresql://lo%40der:s%2Fcret@db.internal:5433/warehouse?sslmode=require&connect_timeout=7"
    profile = configure("postgres", credentials=url)

    assert "s/cret" not in written(profile, tmp_path)
    assert profile.variables == {f"{PREFIX}PASSWORD": "s/cret"}
    assert some(profile.output, "type", "host", "port", "user", "dbname", "sslmode", "connect_timeout") == {
        "type": "postgres",
        "host": "db.internal",
        "port": 5433,
        "user": "lo@der",
        "dbname": "warehouse",
        "sslmode": "require",
        "connect_timeout": 7,
    }


def test_postgres_from_single_settings(configure: Configure) -> None:
    profile = configure(
        "postgres",
        credentials__host="h",
        credentials__username="u",
        credentials__password="p",
        credentials__database="d",
    )

    assert some(profile.output, "host", "port", "user", "dbname") == {
        "host": "h",
        "port": 5432,
        "user": "u",
        "dbname": "d",
    }


def test_what_dbt_has_no_setting_for_reaches_the_postgres_driver_by_the_environment(configure: Configure) -> None:
    profile = configure("postgres", credentials="postgresql://u:p@h/d?channel_binding=require&options=-cwork_mem%3D9MB")

    assert profile.variables == {
        f"{PREFIX}PASSWORD": "p",
        "PGCHANNELBINDING": "require",
        "PGOPTIONS": "-cwork_mem=9MB",
    }


SNOWFLAKE = "snowflake://loader:hunter2@acme-prod/LAB?warehouse=wh&role=transformer"


def test_snowflake_with_a_password(configure: Configure, tmp_path: Path) -> None:
    profile = configure("snowflake", credentials=SNOWFLAKE)

    assert "hunter2" not in written(profile, tmp_path)
    assert profile.variables == {f"{PREFIX}PASSWORD": "hunter2"}
    assert some(profile.output, "account", "user", "database", "warehouse", "role") == {
        "account": "acme-prod",
        "user": "loader",
        "database": "LAB",
        "warehouse": "wh",
        "role": "transformer",
    }
    assert profile.output.keys() & {"host", "port", "protocol", "authenticator", "token", "private_key"} == set()


@pytest.mark.parametrize(
    "key",
    [
        {"credentials__private_key": PLAIN_KEY},
        {"credentials__private_key": base64.b64encode(PLAIN_KEY.encode()).decode()},
        {"credentials__private_key": LOCKED_KEY, "credentials__private_key_passphrase": "hunter2"},
        {"credentials__private_key_path": "key.pem"},
    ],
    ids=["plain", "base64", "with a passphrase", "from a file"],
)
def test_snowflake_with_a_key_pair(configure: Configure, tmp_path: Path, key: dict[str, str]) -> None:
    (tmp_path / "key.pem").write_text(PLAIN_KEY, encoding="ascii")
    names = {"credentials__host": "acme", "credentials__username": "loader", "credentials__database": "LAB"}
    profile = configure("snowflake", **names, **key)

    assert "PRIVATE KEY" not in written(profile, tmp_path)
    given = base64.b64decode(profile.variables.pop(f"{PREFIX}PRIVATE_KEY"))
    assert load_der_private_key(given, None).private_numbers() == KEY.private_numbers()  # type: ignore[union-attr]
    assert profile.variables == {}


@pytest.mark.parametrize("authenticator", ["oauth", "programmatic_access_token", "workload_identity"])
def test_snowflake_with_a_token(configure: Configure, tmp_path: Path, authenticator: str) -> None:
    profile = configure(
        "snowflake",
        credentials__host="acme",
        credentials__database="LAB",
        credentials__authenticator=authenticator,
        credentials__token="hunter2",
        credentials__workload_identity_provider="OIDC",
    )

    assert "hunter2" not in written(profile, tmp_path)
    assert profile.variables == {f"{PREFIX}TOKEN": "hunter2"}
    assert some(profile.output, "authenticator", "workload_identity_provider") == {
        "authenticator": authenticator,
        "workload_identity_provider": "OIDC",
    }


def test_snowflake_at_another_address(configure: Configure) -> None:
    profile = configure("snowflake", credentials=f"{SNOWFLAKE}&host=localhost&port=8084&protocol=http")

    assert some(profile.output, "host", "port", "protocol") == {"host": "localhost", "port": 8084, "protocol": "http"}


ACCOUNT = {"project_id": "acme", "client_email": "loader@acme.iam.gserviceaccount.com", "private_key": PLAIN_KEY}


def test_bigquery_with_a_service_account(configure: Configure, tmp_path: Path) -> None:
    account = {"type": "service_account", **ACCOUNT, "token_uri": "https://token.example.com"}
    profile = configure("bigquery", credentials=json.dumps(account), location="EU")

    assert "PRIVATE KEY" not in written(profile, tmp_path)
    assert profile.variables == {f"{PREFIX}PRIVATE_KEY": PLAIN_KEY}
    assert some(profile.output, "method", "project", "location") == {
        "method": "service-account-json",
        "project": "acme",
        "location": "EU",
    }
    assert some(profile.output["keyfile_json"], "client_email", "token_uri") == {
        "client_email": "loader@acme.iam.gserviceaccount.com",
        "token_uri": "https://token.example.com",
    }


def test_bigquery_may_keep_its_data_in_another_project(configure: Configure) -> None:
    profile = configure("bigquery", project_id="warehouse", **{f"credentials__{k}": v for k, v in ACCOUNT.items()})

    assert profile.output["project"] == "warehouse"


def test_bigquery_with_a_refresh_token(configure: Configure, tmp_path: Path) -> None:
    secrets = {"credentials__client_secret": "hunter2", "credentials__refresh_token": "hunter3"}
    profile = configure(
        "bigquery", credentials__client_id="id", credentials__project_id="acme", location="US", **secrets
    )

    assert "hunter" not in written(profile, tmp_path)
    assert profile.variables == {f"{PREFIX}CLIENT_SECRET": "hunter2", f"{PREFIX}REFRESH_TOKEN": "hunter3"}
    assert some(profile.output, "method", "project", "client_id") == {
        "method": "oauth-secrets",
        "project": "acme",
        "client_id": "id",
    }


def test_bigquery_with_application_default_credentials(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adc.json").write_text(
        json.dumps({"type": "service_account", **ACCOUNT, "token_uri": "https://token.example.com"}), encoding="utf-8"
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    monkeypatch.setattr(
        "dlt.common.configuration.specs.gcp_credentials.GcpDefaultCredentials._LAST_FAILED_DEFAULT", 0.0
    )
    profile = configure("bigquery", location="EU")

    assert some(profile.output, "method", "project") == {"method": "oauth", "project": "acme"}
    assert profile.variables == {}


@pytest.mark.parametrize(
    ("kind", "credentials", "name"),
    [
        ("postgres", "postgresql://u:hunter2@h/d?service=finance", "service"),
        ("snowflake", f"{SNOWFLAKE}&passcode=123456", "passcode"),
    ],
)
def test_what_dbt_cannot_connect_with_is_named(configure: Configure, kind: str, credentials: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot connect with {name}") as raised:
        configure(kind, credentials=credentials)

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(("kind", "lacking"), [("postgres", "credentials"), ("snowflake", "credentials")])
def test_missing_credentials_are_told(configure: Configure, kind: str, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'observability' lacks {lacking}"):
        configure(kind)


@pytest.mark.parametrize("kind", ["postgres", "snowflake", "bigquery"])
def test_a_missing_adapter_is_told_with_what_installs_it(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, f"dbt.adapters.{kind}", None)

    with pytest.raises(ConfigurationError, match=rf"pip install 'meta-pipeline\[{kind}\]'"):
        configure(kind)
