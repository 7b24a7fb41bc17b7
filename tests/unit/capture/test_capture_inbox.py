from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from meta_pipeline_capture.inbox import Folder, Remote, open_inbox


@pytest.mark.parametrize(
    ("address", "inbox"),
    [
        ("/data/inbox", Folder(Path("/data/inbox"))),
        ("file:///data/in%20box", Folder(Path("/data/in box"))),
        ("s3://bucket/inbox", Remote("s3://bucket/inbox")),
        ("az://container/inbox", Remote("az://container/inbox")),
    ],
)
def test_an_address_is_a_folder_or_a_url(address: str, inbox: Folder | Remote) -> None:
    assert open_inbox(address) == inbox


def test_a_path_is_seen_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_inbox("inbox") == Folder(tmp_path / "inbox")


def test_a_folder_gets_whole_files_only(tmp_path: Path) -> None:
    Folder(tmp_path / "inbox").put("a.json", b"{}")

    assert {file.name: file.read_bytes() for file in (tmp_path / "inbox").iterdir()} == {"a.json": b"{}"}


def test_what_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        Folder(tmp_path).put("a.json", b"{}")

    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_whose_parent_is_away_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / "not_mounted" / "inbox").put("a.json", b"{}")


def test_a_url_is_written_by_fsspec() -> None:
    Remote("memory://inbox/").put("a.json", b"{}")

    assert fsspec.filesystem("memory").cat_file("/inbox/a.json") == b"{}"
