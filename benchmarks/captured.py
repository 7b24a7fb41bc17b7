"""Captured runs of a fleet: two events that the plugin recorded once, told again of other pipelines and loads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.measure import CHECKOUT

EXAMPLES = CHECKOUT / "tests" / "fixtures" / "captured"
RECORDED = ("started", "succeeded")

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
_PIPELINE, _TRANSACTION, _PACKAGE = "<pipeline>", "<transaction>", "<package>"


@dataclass(frozen=True)
class Recorded:
    """An event of a run, to be told again.

    Args:
        texts: Its text around and between its time stamps.
        seconds: What its time stamps are after the start of the run.
        captured: Which of them is the moment at which it was captured.
        ending: The end of its file's name.
    """

    texts: Sequence[str]
    seconds: Sequence[float]
    captured: float
    ending: str

    def write(self, inbox: Path, pipeline: str, load_id: str) -> None:
        """Writes the event of another run as a file.

        Args:
            inbox: The folder.
            pipeline: Name of its pipeline and of its dataset.
            load_id: Its load package, which was made when the run began.
        """
        began_at = float(load_id)
        moments = [_moment(began_at + later).isoformat(timespec="microseconds") for later in self.seconds]
        text = "".join(part for pair in zip(self.texts, [*moments, ""], strict=True) for part in pair)
        transaction = f"{pipeline}{load_id}".replace(".", "")
        for mark, value in ((_PIPELINE, pipeline), (_TRANSACTION, transaction), (_PACKAGE, load_id)):
            text = text.replace(mark, value)
        name = f"{_moment(began_at + self.captured):%Y%m%dT%H%M%S.%fZ}-{transaction}-{self.ending}"
        (inbox / name).write_text(text, encoding="utf-8")


def write_captured_runs(inbox: Path, runs: Iterable[tuple[str, str]]) -> None:
    """Writes the start and the end of runs into an inbox.

    Args:
        inbox: The folder; it is made where it is missing.
        runs: The pipeline, whose dataset has its name, and the load package of each run.
    """
    recorded = [_recorded(name) for name in RECORDED]
    inbox.mkdir(exist_ok=True)
    for pipeline, load_id in runs:
        for event in recorded:
            event.write(inbox, pipeline, load_id)


def _recorded(name: str) -> Recorded:
    event = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    trace = event["trace"]
    text = json.dumps(event, separators=(",", ":")).replace(trace["transaction_id"], _TRANSACTION)
    for load_id in {load_id for step in trace["steps"] for load_id in step["load_ids"]}:
        text = text.replace(load_id, _PACKAGE)
    names = {"pipeline_name": trace["pipeline_name"], "dataset_name": event["destination"]["dataset_name"]}
    for key, value in names.items():
        text = text.replace(f'"{key}":"{value}"', f'"{key}":"{_PIPELINE}"')
    began_at = _seconds(trace["started_at"])
    return Recorded(
        _MOMENT.split(text),
        [_seconds(moment) - began_at for moment in _MOMENT.findall(text)],
        _seconds(event["captured_at"]) - began_at,
        f"{event['step']}-{event['event']}.json",
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
