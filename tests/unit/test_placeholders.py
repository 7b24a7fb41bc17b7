from __future__ import annotations

from pathlib import Path

import pytest

from meta_pipeline.placeholders import placeholder_problem
from tests.fixtures.collected import clear_environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[destination.lake]\nbucket_url = "s3://<bucket>"\n')
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        '[destination.pg]\ncredentials = "postgresql://<user>:<password>@db/x"\n'
        '[destination.real]\ncredentials = "postgresql://u:p<w@db/<x>"\n'
        '[destination.lake.credentials]\naws_access_key_id = "<key id>"\naws_secret_access_key = "<key>"\n'
    )
    return tmp_path


def test_a_placeholder_is_told_with_its_place_and_what_to_do(folder: Path) -> None:
    assert placeholder_problem(folder, "pg") == (
        "credentials of [destination.pg] in .dlt/secrets.toml is still a placeholder: <user>, <password>. Put the real "
        "value there, or into the environment variable DESTINATION__PG__CREDENTIALS, and run meta-pipeline check"
    )


def test_of_several_the_first_is_told_and_how_many_there_are(folder: Path) -> None:
    told = placeholder_problem(folder, "lake")

    assert told is not None
    assert "credentials.aws_access_key_id of [destination.lake]" in told
    assert "<key id> (and 1 more)" in told
    assert "DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS_KEY_ID" in told


def test_what_no_placeholder_is_called_is_a_value(folder: Path) -> None:
    assert placeholder_problem(folder, "real") is None
    assert placeholder_problem(folder, "unheard_of") is None


def test_the_environment_goes_before_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__PG__CREDENTIALS", "postgresql://u:p@db/x")
    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS_KEY_ID", "")

    assert placeholder_problem(folder, "pg") is None
    assert "aws_access_key_id" in (placeholder_problem(folder, "lake") or ""), "an empty variable says nothing"

    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("DESTINATION__LAKE__CREDENTIALS__AWS_SECRET_ACCESS_KEY", "k")
    assert "bucket_url of [destination.lake] in .dlt/config.toml" in (placeholder_problem(folder, "lake") or "")
