"""The life of a finding: what is told of it, to whom, and when. Pure functions of what is known at a moment.

A finding is opened, told to its channels, told again after a while, resolved, and its end is told where its beginning
was. What comes back within ``SETTLING`` of its end goes on where it left off: it is told once that it is back, and from
then on its end is told only when it has stayed away for that long. So a finding that comes and goes is told three times
at most, and whoever reads the messages never believes what is not so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from meta_pipeline.alert.findings import STATUS_TYPES, AlertEvent, EventType, Finding
from meta_pipeline.alert.settings import Routed

SETTLING = timedelta(hours=24)
"""How long a finding must stay away until it counts as another one when it comes back."""

NoticeKind = Literal["new", "again", "still", "over", "missed"]

_EVENT_OF: Mapping[NoticeKind, EventType] = {
    "new": "notified",
    "again": "notified",
    "still": "reminded",
    "over": "resolution_notified",
    "missed": "resolution_notified",
}


@dataclass(frozen=True)
class Told:
    """What a channel knows of a finding.

    Args:
        told_at: When it was told last that the finding is open; None where it never was.
        believes_open: Whether that is what it was told last.
        has_missed: Whether it could not be reached when the finding was opened, and was not told since.
    """

    told_at: datetime | None = None
    believes_open: bool = False
    has_missed: bool = False


@dataclass(frozen=True)
class Episode:
    """A finding from when it is opened to its end, and to its return where it comes back soon.

    Args:
        finding: The finding as it was last.
        episode_at: When it was opened.
        changed_at: When it was last opened or ended.
        is_open: Whether it is open.
        is_superseded: Whether it ended because its pipeline has another finding now.
        reopening_count: How often it came back.
        told: What each channel knows.
    """

    finding: Finding
    episode_at: datetime
    changed_at: datetime
    is_open: bool = True
    is_superseded: bool = False
    reopening_count: int = 0
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """Something to be told on a channel.

    Args:
        kind: What is said of the finding: that it is ``new``, there ``again``, ``still`` open, ``over``, or was open
            and is over although nobody could be told (``missed``).
        finding: The finding.
        episode_at: When it was opened.
        ended_at: When it ended; None while it is open.
    """

    kind: NoticeKind
    finding: Finding
    episode_at: datetime
    ended_at: datetime | None = None

    def delivered(self, channel: str, now: datetime) -> AlertEvent:
        """Returns what to remember once a channel was told.

        Args:
            channel: The channel.
            now: When.
        """
        return AlertEvent(_EVENT_OF[self.kind], now, self.episode_at, channel, self.finding)

    def undelivered(self, channel: str, now: datetime) -> AlertEvent:
        """Returns what to remember where a channel could not be told.

        Args:
            channel: The channel.
            now: When.
        """
        return AlertEvent("undelivered", now, self.episode_at, channel, self.finding)


@dataclass(frozen=True)
class Unread:
    """What nobody could look at, so that a finding that is missing there is not over.

    Args:
        places: Destinations and datasets; None for all datasets of a destination.
        pipelines: Keys of pipelines.
    """

    places: frozenset[tuple[str, str | None]] = frozenset()
    pipelines: frozenset[str] = frozenset()

    def hides(self, finding: Finding) -> bool:
        """Tells whether nobody could see a finding if it was there.

        Args:
            finding: The finding.
        """
        if finding.alert_type == "unreachable":
            return False
        places = {(finding.destination_name, finding.dataset_name), (finding.destination_name, None)}
        return finding.pipeline_id in self.pipelines or not places.isdisjoint(self.places)


def episodes_of(events: Iterable[AlertEvent]) -> dict[str, Episode]:
    """Returns the last episode of each finding.

    Args:
        events: What happened to the findings, in any order.
    """
    episodes: dict[str, Episode] = {}
    # What was told at a moment was told of what had happened by then.
    for event in sorted(events, key=lambda event: (event.happened_at, event.channel is not None)):
        key = event.finding.alert_key
        if event.event_type == "opened":
            episodes[key] = Episode(event.finding, event.episode_at, event.happened_at)
        elif key in episodes and episodes[key].episode_at == event.episode_at:
            episodes[key] = _after(episodes[key], event)
    return episodes


def _after(episode: Episode, event: AlertEvent) -> Episode:
    if event.channel is not None:
        told = {**episode.told, event.channel: _told(episode.told.get(event.channel, Told()), event)}
        return replace(episode, finding=event.finding, told=told)
    is_open = event.event_type == "reopened"
    return replace(
        episode,
        finding=event.finding,
        changed_at=event.happened_at,
        is_open=is_open,
        is_superseded=event.event_type == "superseded",
        # That its pipeline changed between two statuses and back is no coming and going.
        reopening_count=episode.reopening_count + (is_open and not episode.is_superseded),
    )


def _told(told: Told, event: AlertEvent) -> Told:
    if event.event_type == "undelivered":
        return replace(told, has_missed=True)
    if event.event_type == "resolution_notified":
        return replace(told, believes_open=False, has_missed=False)
    return Told(event.happened_at, believes_open=True)


def changes(
    episodes: Mapping[str, Episode], findings: Mapping[str, Finding], unread: Unread, now: datetime
) -> list[AlertEvent]:
    """Returns what has happened to findings since they were last looked at.

    Args:
        episodes: The last episode of each finding.
        findings: The open findings by their key.
        unread: What nobody could look at.
        now: The present.
    """
    events = []
    for key, finding in findings.items():
        episode = episodes.get(key)
        if episode is None or (not episode.is_open and now - episode.changed_at > SETTLING):
            events.append(AlertEvent("opened", now, now, None, finding))
        elif not episode.is_open:
            events.append(AlertEvent("reopened", now, episode.episode_at, None, finding))
    statuses = {finding.pipeline_id for finding in findings.values() if _is_status(finding)}
    for key, episode in episodes.items():
        ended = episode.finding
        if episode.is_open and key not in findings and not unread.hides(ended):
            has_successor = _is_status(ended) and ended.pipeline_id in statuses
            kind: EventType = "superseded" if has_successor else "resolved"
            events.append(AlertEvent(kind, now, episode.episode_at, None, ended))
    return events


def notices(
    episodes: Mapping[str, Episode], routed: Mapping[str, Routed], channel: str, now: datetime, remind: timedelta | None
) -> list[Notice]:
    """Returns what a channel is to be told.

    Args:
        episodes: The last episode of each finding, up to the present.
        routed: The open findings, with the channels that are told of them, by their key.
        channel: The channel.
        now: The present.
        remind: How long after it was told last an open finding is told again; None for never.
    """
    due = []
    unwell = {item.finding.pipeline_id for item in episodes.values() if item.is_open and _is_status(item.finding)}
    for key, episode in episodes.items():
        told = episode.told.get(channel, Told())
        if episode.is_superseded and episode.finding.pipeline_id in unwell:
            continue
        if not episode.is_open:
            kind = _of_ended(episode, told, now)
        elif key in routed and channel in routed[key].channels:
            kind = _of_open(episode, told, now, remind)
        else:
            continue
        if kind:
            finding = routed[key].finding if key in routed else episode.finding
            due.append(Notice(kind, finding, episode.episode_at, None if episode.is_open else episode.changed_at))
    return due


def _is_status(finding: Finding) -> bool:
    return finding.alert_type in STATUS_TYPES


def _of_open(episode: Episode, told: Told, now: datetime, remind: timedelta | None) -> NoticeKind | None:
    if not told.believes_open:
        return "again" if told.told_at else "new"
    is_due = remind is not None and told.told_at is not None and now - told.told_at >= remind
    return "still" if is_due and not episode.finding.is_event else None


def _of_ended(episode: Episode, told: Told, now: datetime) -> NoticeKind | None:
    if told.has_missed and not episode.is_superseded:
        return "missed"
    # What happened at a moment has no end.
    if not told.believes_open or episode.finding.is_event:
        return None
    has_settled = episode.reopening_count == 0 or now - episode.changed_at >= SETTLING
    return "over" if has_settled else None


def with_events(episodes: Mapping[str, Episode], events: Sequence[AlertEvent]) -> dict[str, Episode]:
    """Returns the episodes after some more events.

    Args:
        episodes: The episodes before.
        events: What happened then.
    """
    after = dict(episodes)
    for event in events:
        key = event.finding.alert_key
        opened = Episode(event.finding, event.episode_at, event.happened_at)
        after[key] = opened if event.event_type == "opened" else _after(after[key], event)
    return after
