"""Telling: one message to one channel, within a bounded time, without a word about its URL."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from meta_pipeline import __version__
from meta_pipeline.alert.messages import Message, uncalling, web_address
from meta_pipeline.alert.slack import SIGNS, slack_payload
from meta_pipeline.exceptions import AlertError, MessageRefusedError

# To connect, and between two bytes of the answer.
TIMEOUT_SECONDS = (5.0, 10.0)
MOST_WAITING_SECONDS = 30.0
"""How long a channel may ask us to wait, in all, until what is left is told at the next run."""

BODY_LENGTH = 1_900
TITLE_LENGTH = 200

_HEADERS = {"User-Agent": f"meta-pipeline/{__version__}"}


@dataclass
class SlackChannel:
    """A Slack incoming webhook, or what takes the same.

    Args:
        name: Name of the channel.
        url: Its URL, a secret.
        page_url: Where people look further.
        sleep: Waits for some seconds.
    """

    name: str
    url: str = field(repr=False)
    page_url: str | None = None
    sleep: Callable[[float], None] = time.sleep
    _waited: float = 0.0

    def tell(self, message: Message) -> None:
        """Tells a message.

        Args:
            message: The message.

        Raises:
            MessageRefusedError: The channel does not want this message.
            AlertError: It was not taken, or nobody knows whether it was.
        """
        while (pause := self._post(message)) is not None:
            if self._waited + pause > MOST_WAITING_SECONDS:
                raise AlertError(
                    f"channel {self.name!r} asks to wait {pause:.0f} s more, for it was told too much at once. What is "
                    "left is told at the next run"
                )
            self._waited += pause
            self.sleep(pause)

    def _post(self, message: Message) -> float | None:
        """Sends it once and returns how many seconds to wait before it is sent again; None where it was taken."""
        payload = slack_payload(message, self.page_url)
        with _without_url(f"channel {self.name!r}", "Nothing is lost: it is told at the next run"):
            # Redirected, a URL that is a secret would go to somebody else.
            answer = requests.post(
                self.url,
                json=payload,
                headers=_HEADERS,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
        with answer:
            if answer.status_code == 429:
                return _seconds(answer.headers.get("Retry-After"))
            if answer.status_code in (400, 413):
                raise MessageRefusedError(
                    f"channel {self.name!r} refused a message with HTTP status {answer.status_code}. It is tried again "
                    "at the next run; if its URL is no Slack webhook, write it as an Apprise URL"
                )
            if answer.status_code >= 300:
                advice = "Check its URL" if answer.status_code < 500 else "Nothing is lost"
                raise AlertError(
                    f"channel {self.name!r} answered with HTTP status {answer.status_code}. {advice}: what it was not "
                    "told is told at the next run"
                )
        return None


@dataclass
class AppriseChannel:
    """Any other service, by Apprise.

    Args:
        name: Name of the channel.
        url: Its URL, a secret.
        page_url: Where people look further.
    """

    name: str
    url: str = field(repr=False)
    page_url: str | None = None

    def tell(self, message: Message) -> None:
        """Tells a message.

        Args:
            message: The message.

        Raises:
            AlertError: It was not taken, or nobody knows whether it was.
        """
        title = f"{SIGNS[message.mood]} {message.title}"
        with _without_url(f"channel {self.name!r}", "Nothing is lost: it is told at the next run"):
            taken = self._service().notify(
                title=uncalling(title[:TITLE_LENGTH]),
                body=uncalling(plain_body(message, self.page_url)),
                notify_type={"critical": "failure", "over": "success"}.get(message.mood, message.mood),
                body_format="text",
            )
        if not taken:
            raise AlertError(
                f"channel {self.name!r} did not take a message. Check its URL in [alert.channels]; what it was not "
                "told is told at the next run"
            )

    def _service(self) -> Any:
        try:
            import apprise  # noqa: PLC0415
        except ModuleNotFoundError:
            raise AlertError(
                f"channel {self.name!r} is no Slack webhook, and all others need a package that is not installed: "
                "pip install 'meta-pipeline[alert]'"
            ) from None
        # Its log may quote the URL, and what was answered.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        service = apprise.Apprise()
        if not service.add(self.url):
            raise AlertError(
                f"channel {self.name!r} has a URL that Apprise does not know. Write it as Apprise's documentation has "
                "it for your service, e.g. msteams://..., mailto://..., pagerduty://..."
            )
        return service


Channel = SlackChannel | AppriseChannel


def channel_of(name: str, url: str, page_url: str | None) -> Channel:
    """Returns the channel of a URL: a webhook of Slack's kind for HTTP, else one of Apprise's services.

    Args:
        name: Name of the channel.
        url: Its URL.
        page_url: Where people look further.
    """
    is_web = url.lower().startswith(("http://", "https://"))
    return SlackChannel(name, url, page_url) if is_web else AppriseChannel(name, url, page_url)


def plain_body(message: Message, page_url: str | None) -> str:
    """Returns a message's text without any markup, of bounded length.

    Args:
        message: The message.
        page_url: Where people look further.
    """
    parts = []
    for section in message.sections:
        title = [f"{SIGNS[section.mood]} {section.title}"] if len(message.sections) > 1 else []
        run = [f"Run: {section.run_url}"] if section.run_url else []
        parts.append("\n".join([*title, *section.lines, section.facts, *run]))
    page = f"\n\nPage: {page_url}" if web_address(page_url) else ""
    body = "\n\n".join(parts)
    room = BODY_LENGTH * len(parts) - len(page)
    return (body if len(body) <= room else f"{body[: room - 1]}…") + page


def beat(heartbeat_url: str) -> None:
    """Calls the heartbeat's URL.

    Args:
        heartbeat_url: The URL, a secret.

    Raises:
        AlertError: It did not answer well.
    """
    advice = "Check heartbeat_url in [alert]; whoever waits for it may raise an alarm"
    with _without_url("the heartbeat", advice):
        answer = requests.get(
            heartbeat_url, headers=_HEADERS, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        )
    with answer:
        if answer.status_code >= 300:
            raise AlertError(f"the heartbeat was answered with HTTP status {answer.status_code}. {advice}")


@contextmanager
def _without_url(who: str, advice: str) -> Iterator[None]:
    """Says what went wrong in words of our own: those of libraries quote the URL."""
    try:
        yield
    except AlertError:
        raise
    except requests.Timeout:
        raise AlertError(f"{who} did not answer in time. {advice}") from None
    except requests.ConnectionError:
        raise AlertError(f"{who} could not be reached. {advice}") from None
    except Exception as error:
        raise AlertError(f"{who} could not be used ({type(error).__name__}). {advice}") from None


def _seconds(retry_after: str | None) -> float:
    """Returns how long to wait: Slack tells seconds; a second where it does not."""
    try:
        seconds = float(retry_after or 1)
    except ValueError:
        return 1.0
    return seconds if seconds > 1 else 1.0
