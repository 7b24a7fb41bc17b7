"""The ASGI application: `PUT <dsn>/trace` puts a trace into the inbox, `PUT <dsn>/state` is taken and dropped."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from meta_pipeline.receive.events import NotATraceError, event_of
from meta_pipeline.receive.settings import ReceiverSettings
from meta_pipeline_capture.event import event_bytes, event_name
from meta_pipeline_capture.inbox import Inbox, open_inbox

MAX_BODY_BYTES = 32 << 20
METHODS = ("PUT", "POST")

logger = logging.getLogger(__name__)


class _TooLargeError(Exception):
    """The body is larger than it may be."""


class Receiver:
    """Takes what dlt sends.

    Args:
        inbox: Where traces are put.
        token: What senders must know.
    """

    def __init__(self, inbox: Inbox, token: str) -> None:
        self._inbox = inbox
        self._token = token.encode()

    async def trace(self, request: Request) -> Response:
        """Puts a trace into the inbox before it answers.

        Args:
            request: The request, with the trace as its body.
        """
        if not self._is_known(request):
            return _refused(401, "the token is wrong or missing: dlthub_dsn is http(s)://<host>/<token>")
        try:
            event = await run_in_threadpool(event_of, await _body(request))
        except _TooLargeError:
            return _refused(413, f"a trace has at most {MAX_BODY_BYTES >> 20} MB")
        except NotATraceError as error:
            return _refused(422, f"this is not a trace of dlt: {error}")
        try:
            await run_in_threadpool(self._inbox.put, event_name(event), event_bytes(event))
        except Exception as error:
            # Stores have errors of their own, which may quote credentials.
            logger.error("The inbox cannot be written (%s)", type(error).__name__)
            return _refused(503, "the inbox cannot be written. Check the receiver's log, and send it again")
        trace = event["trace"]
        logger.info("%s: %s (%s)", trace["pipeline_name"], event["outcome"], trace["transaction_id"])
        return JSONResponse({"status": "stored"})

    async def state(self, request: Request) -> Response:
        """Drops the schemas that dlt sends beside the trace: they stand in the destination too.

        Args:
            request: The request.
        """
        if not self._is_known(request):
            return _refused(401, "the token is wrong or missing: dlthub_dsn is http(s)://<host>/<token>")
        return JSONResponse({"status": "ignored"})

    def _is_known(self, request: Request) -> bool:
        return any(hmac.compare_digest(self._token, given.encode()) for given in _tokens(request))


def make_app(settings: ReceiverSettings) -> Starlette:
    """Makes the application.

    Args:
        settings: How traces are received.
    """
    receiver = Receiver(open_inbox(settings.inbox), settings.token)
    routes = [Route("/health", _health, methods=["GET"])]
    for path, endpoint in (("trace", receiver.trace), ("state", receiver.state)):
        routes += [Route(f"{prefix}/{path}", endpoint, methods=list(METHODS)) for prefix in ("", "/{token}")]
    return Starlette(routes=routes)


def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _tokens(request: Request) -> Iterator[str]:
    """Yields what may be the token: from the path, a bearer's, or the password in the URL's host part."""
    yield str(request.path_params.get("token", ""))
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield given.strip()
    if kind.lower() == "basic":
        try:
            yield base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


async def _body(request: Request) -> bytes:
    """Returns the body; no more of it is taken than may be, whatever its headers say.

    Raises:
        _TooLargeError: It is larger.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise _TooLargeError
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _TooLargeError
    return bytes(body)


def _refused(status: int, error: str) -> Response:
    content: dict[str, Any] = {"error": error}
    return JSONResponse(content, status_code=status)
