"""The alerting stage: tells people what is open, once, and what is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from meta_pipeline.alert import store
from meta_pipeline.alert.channels import channel_of
from meta_pipeline.alert.findings import AlertEvent
from meta_pipeline.alert.lifecycle import Episode, Notice, changes, episodes_of, notices, with_events
from meta_pipeline.alert.messages import Message, messages_of
from meta_pipeline.alert.settings import AlertSettings, Routed
from meta_pipeline.exceptions import AlertError, MessageRefusedError
from meta_pipeline.home import Home, open_home
from meta_pipeline.severity import Severity, worst_of


@dataclass(frozen=True)
class ToldMessage:
    """A message and what became of it.

    Args:
        channel: The channel.
        message: The message.
        is_told: Whether it was told; never on a dry run.
    """

    channel: str
    message: Message
    is_told: bool


@dataclass(frozen=True)
class AlertResult:
    """What was told.

    Args:
        findings: The open findings, by the rules.
        messages: The messages, told or not.
        problems: What could not be done.
    """

    findings: Sequence[Routed]
    messages: Sequence[ToldMessage]
    problems: Sequence[str]

    @property
    def worst(self) -> Severity | None:
        """Returns how bad the worst finding is that is not muted; None where none asks for attention."""
        return worst_of(item.finding.severity for item in self.findings if not item.is_muted)


@dataclass(frozen=True)
class _Plan:
    """What is to be done.

    Args:
        routed: The open findings by their key, by the rules.
        events: What happened to findings.
        episodes: Their lives up to the present.
        states: Status and reason of each pipeline by its key.
    """

    routed: Mapping[str, Routed]
    events: Sequence[AlertEvent]
    episodes: Mapping[str, Episode]
    states: Mapping[str, str]


def alert(home: Home, settings: AlertSettings, *, is_dry: bool = False, now: datetime | None = None) -> AlertResult:
    """Tells what is new, what is still open and what is over, and remembers what was told.

    A channel that cannot be reached keeps no other from being told. What happened to findings is written before
    anything is told, and what was told right after each channel: who is killed in between tells it twice.

    Args:
        home: Where the marts live.
        settings: Who is told what.
        is_dry: Whether nothing is told and nothing written.
        now: The present, where it is not that of the clock.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there, show the past, or the home cannot be opened.
    """
    moment = now or datetime.now(timezone.utc)
    with open_home(home) as session:
        plan = _planned(store.read(session, home, moment), settings, moment)
    due = {name: _messages(plan, settings, name, moment) for name in settings.channels}
    findings = list(plan.routed.values())
    if is_dry:
        told = [ToldMessage(name, message, False) for name, messages in due.items() for message in messages]
        return AlertResult(findings, told, settings.problems)
    _remember(home, plan.events)
    told, problems = [], list(settings.problems)
    for name, messages in due.items():
        outcome, troubles = _tell(name, messages, settings)
        _remember(home, _memories(outcome, plan.episodes, moment))
        told += outcome
        problems += dict.fromkeys(troubles)
    return AlertResult(findings, told, problems)


def _planned(seen: store.Seen, settings: AlertSettings, now: datetime) -> _Plan:
    routed = {finding.alert_key: settings.route(finding) for finding in seen.findings}
    before = episodes_of(seen.events)
    events = changes(before, {key: item.finding for key, item in routed.items()}, seen.unread, now)
    return _Plan(routed, events, with_events(before, events), seen.states)


def _messages(plan: _Plan, settings: AlertSettings, channel: str, now: datetime) -> list[Message]:
    due = notices(plan.episodes, plan.routed, channel, now, settings.remind_after)
    return messages_of(due, plan.states)


def _tell(name: str, messages: Sequence[Message], settings: AlertSettings) -> tuple[list[ToldMessage], list[str]]:
    """Tells a channel its messages until it cannot be reached, and returns what became of them and what went wrong."""
    channel = channel_of(name, settings.channels[name], settings.page_url)
    told: list[ToldMessage] = []
    problems: list[str] = []
    for message in messages:
        try:
            channel.tell(message)
            told.append(ToldMessage(name, message, True))
        except MessageRefusedError as error:
            told.append(ToldMessage(name, message, False))
            problems.append(str(error))
        except AlertError as error:
            problems.append(str(error))
            break
    return [*told, *(ToldMessage(name, message, False) for message in messages[len(told) :])], problems


def _memories(told: Sequence[ToldMessage], episodes: Mapping[str, Episode], now: datetime) -> list[AlertEvent]:
    events = []
    for item in told:
        for notice in item.message.notices:
            if item.is_told:
                events.append(notice.delivered(item.channel, now))
            elif _is_missed_first(notice, item.channel, episodes):
                events.append(notice.undelivered(item.channel, now))
    return events


def _is_missed_first(notice: Notice, channel: str, episodes: Mapping[str, Episode]) -> bool:
    known = episodes[notice.finding.alert_key].told.get(channel)
    return notice.kind in ("new", "again") and not (known and known.has_missed)


def _remember(home: Home, events: Sequence[AlertEvent]) -> None:
    if events:
        with open_home(home, writing=True) as session:
            store.append(session, events)
