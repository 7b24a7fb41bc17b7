"""A finding's life, played look by look: what is told, and what is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import pytest

from meta_pipeline.alert.findings import AlertEvent, Finding
from meta_pipeline.alert.lifecycle import Unread, changes, episodes_of, notices, with_events
from meta_pipeline.alert.settings import AlertSettings
from tests.fixtures.findings import at, finding

NOBODY = Unread()


class Life:
    """Looks at findings again and again, and remembers events as the table does.

    Args:
        settings: Who is told what.
    """

    def __init__(self, settings: AlertSettings | None = None) -> None:
        self.settings = settings or AlertSettings(channels={"ops": "https://ops"})
        self.events: list[AlertEvent] = []

    def look(
        self,
        now: datetime,
        *findings: Finding,
        unread: Unread = NOBODY,
        down: Collection[str] = (),
        settings: AlertSettings | None = None,
    ) -> list[tuple[str, ...]]:
        """Returns what is told, as channel (where there are several), kind and finding."""
        settings = settings or self.settings
        routed = {item.alert_key: settings.route(item) for item in findings}
        before = episodes_of(self.events)
        new = changes(before, {key: item.finding for key, item in routed.items()}, unread, now)
        episodes = with_events(before, new)
        self.events += new
        assert episodes == episodes_of(self.events), "the table tells the same as memory"
        told = []
        for channel in settings.channels:
            due = notices(episodes, routed, channel, now, settings.remind_after)
            if channel in down:
                self.events += [item.undelivered(channel, now) for item in due if item.kind in ("new", "again")]
                continue
            self.events += [item.delivered(channel, now) for item in due]
            name = [channel] if len(settings.channels) > 1 else []
            told += [(*name, item.kind, item.finding.alert_key) for item in due]
        return told

    def kinds(self) -> list[str]:
        return [event.event_type for event in self.events]


def test_a_finding_is_told_once_and_its_end_is_told() -> None:
    life = Life()

    assert life.look(at(1, 7), finding()) == [("new", "k")]
    assert life.look(at(1, 8), finding(summary="no load for 7 h")) == []
    assert life.look(at(1, 9)) == [("over", "k")]
    assert life.look(at(1, 10)) == []
    assert life.kinds() == ["opened", "notified", "resolved", "resolution_notified"]


@pytest.mark.parametrize(("hours", "told"), [(23, []), (24, [("still", "k")])])
def test_what_stays_open_is_told_again_after_a_while(hours: int, told: list[tuple[str, str]]) -> None:
    life = Life()
    life.look(at(1, 0), finding())

    assert life.look(at(1, 0) + timedelta(hours=hours), finding()) == told


def test_the_while_counts_from_the_last_reminder() -> None:
    life = Life()

    told = [life.look(at(1, 0) + timedelta(hours=hours), finding()) for hours in (0, 30, 50, 54)]

    assert told == [[("new", "k")], [("still", "k")], [], [("still", "k")]]


def test_reminders_can_be_left_out() -> None:
    life = Life(AlertSettings(channels={"ops": "https://ops"}, remind_after=None))

    assert [life.look(at(day), finding()) for day in (1, 2, 20)] == [[("new", "k")], [], []]


def test_what_happened_at_a_moment_has_neither_reminder_nor_end() -> None:
    life = Life()
    change = finding(alert_type="schema_change", is_event=True)

    assert [life.look(at(day), change) for day in (1, 3, 7)] == [[("new", "k")], [], []]
    assert life.look(at(8)) == []
    assert life.kinds()[-1] == "resolved"


def test_what_comes_back_soon_is_told_once_more_and_then_only_when_it_stays_away() -> None:
    life = Life()
    flapping = [life.look(at(1, hour), *([finding()] if hour % 2 == 0 else [])) for hour in range(10)]

    assert flapping == [[("new", "k")], [("over", "k")], [("again", "k")], *[[]] * 7]
    assert life.look(at(2, 8)) == [], "23 hours after it ended"
    assert life.look(at(2, 9)) == [("over", "k")]
    assert life.look(at(2, 10), finding()) == [("new", "k")]


def test_what_comes_back_soon_and_stays_is_reminded_of() -> None:
    life = Life()
    for hour in range(9):
        life.look(at(1, hour), *([finding()] if hour % 2 == 0 else []))

    assert [life.look(at(2, hour), finding()) for hour in (1, 2, 3)] == [[], [("still", "k")], []]


@pytest.mark.parametrize(("hours", "kind"), [(24, "again"), (25, "new")])
def test_what_comes_back_late_is_another_finding(hours: int, kind: str) -> None:
    life = Life()
    life.look(at(1, 7), finding())
    life.look(at(1, 8))

    assert life.look(at(1, 8) + timedelta(hours=hours), finding()) == [(kind, "k")]


def test_what_nobody_could_look_at_is_neither_over_nor_reminded_of() -> None:
    life = Life()
    life.look(at(1), finding())
    away = Unread(places=frozenset({("warehouse", "crm")}))
    lost = finding("away", alert_type="unreachable", pipeline_id=None)

    assert life.look(at(2), lost, unread=away) == [("new", "away")]
    assert life.look(at(4), lost, unread=away) == [("still", "away")]
    assert life.look(at(4, 13)) == [("over", "k"), ("over", "away")]


@pytest.mark.parametrize(
    ("unread", "is_hidden"),
    [
        (Unread(places=frozenset({("warehouse", None)})), True),
        (Unread(places=frozenset({("warehouse", "crm")})), True),
        (Unread(places=frozenset({("warehouse", "other"), ("lake", "crm")})), False),
        (Unread(pipelines=frozenset({"id of k"})), True),
        (Unread(pipelines=frozenset({"id of another"})), False),
    ],
)
def test_what_hides_a_finding(unread: Unread, is_hidden: bool) -> None:
    assert unread.hides(finding()) is is_hidden
    assert not unread.hides(finding(alert_type="unreachable"))


def test_another_status_of_a_pipeline_takes_the_place_of_the_first() -> None:
    life = Life()
    late, failing = finding(), finding("f", alert_type="failing", pipeline_id="id of k")

    assert life.look(at(1, 7), late) == [("new", "k")]
    assert life.look(at(1, 8), failing) == [("new", "f")], "that it is late is not over"
    assert life.look(at(1, 9), late) == [], "nor is it news"
    assert life.look(at(1, 10)) == [("over", "k"), ("over", "f")]
    assert "superseded" in life.kinds()


def test_who_was_told_only_the_first_status_is_told_its_end_when_the_pipeline_is_well() -> None:
    channels = {"a": "https://a", "b": "https://b"}
    rules = [{"types": ["late"], "channels": ["a"]}, {"types": ["failing"], "channels": ["b"]}]
    from meta_pipeline.alert.settings import parse_alert_settings

    life = Life(parse_alert_settings({"channels": channels, "rules": rules}))
    failing = finding("f", alert_type="failing", pipeline_id="id of k")

    assert life.look(at(1, 7), finding()) == [("a", "new", "k")]
    assert life.look(at(1, 8), failing) == [("b", "new", "f")]
    assert life.look(at(1, 9)) == [("a", "over", "k"), ("b", "over", "f")]


def test_a_channel_that_is_down_loses_nothing() -> None:
    life = Life()

    assert life.look(at(1, 7), finding(), down=["ops"]) == []
    assert life.look(at(1, 8), finding(), down=["ops"]) == []
    assert life.look(at(1, 9), finding()) == [("new", "k")]
    assert life.look(at(1, 10), down=["ops"]) == []
    assert life.look(at(1, 11)) == [("over", "k")]
    assert life.look(at(1, 12)) == []


def test_what_was_over_before_it_could_be_told_is_told_as_one() -> None:
    life = Life()
    life.look(at(1, 7), finding(), down=["ops"])
    life.look(at(1, 8), down=["ops"])

    assert life.look(at(1, 9)) == [("missed", "k")]
    assert life.look(at(1, 10)) == []


def test_one_channel_that_is_down_keeps_no_other_from_being_told() -> None:
    life = Life(AlertSettings(channels={"a": "https://a", "b": "https://b"}))

    assert life.look(at(1, 7), finding(), down=["a"]) == [("b", "new", "k")]
    assert life.look(at(1, 8), finding()) == [("a", "new", "k")]


def test_whom_nobody_told_is_not_told_of_the_end() -> None:
    life = Life(AlertSettings(channels={}))
    life.look(at(1, 7), finding())
    life.look(at(1, 8))

    assert life.look(at(1, 9), settings=AlertSettings(channels={"new": "https://new"})) == []


def test_a_channel_that_is_added_is_told_what_is_open() -> None:
    life = Life()
    life.look(at(1, 7), finding())
    both = AlertSettings(channels={"ops": "https://ops", "new": "https://new"})

    assert life.look(at(1, 8), finding(), settings=both) == [("new", "new", "k")]


def test_muted_findings_are_remembered_and_told_to_nobody() -> None:
    from meta_pipeline.alert.settings import parse_alert_settings

    life = Life(parse_alert_settings({"channels": {"ops": "https://ops"}, "rules": [{"mute": True}]}))

    assert life.look(at(1), finding()) == []
    assert life.kinds() == ["opened"]


def test_who_was_killed_between_telling_and_remembering_tells_it_twice() -> None:
    life = Life()
    life.look(at(1, 7), finding())
    life.events = [event for event in life.events if event.event_type != "notified"]

    assert life.look(at(1, 8), finding()) == [("new", "k")]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_the_order_in_which_events_are_read_does_not_matter(order: Sequence[int]) -> None:
    life = Life()
    life.look(at(1, 7), finding())
    life.look(at(1, 8))

    assert episodes_of([life.events[index] for index in order]) == episodes_of(life.events)
