"""Serves the application on this machine."""

from __future__ import annotations

import uvicorn

from meta_pipeline.receive.app import make_app
from meta_pipeline.receive.settings import ReceiverSettings


def serve(settings: ReceiverSettings, host: str, port: int) -> None:
    """Serves until it is interrupted or told to end; requests that have begun are answered.

    Args:
        settings: How traces are received.
        host: Address to listen on.
        port: Port to listen on.
    """
    # The paths in an access log hold the token.
    uvicorn.run(make_app(settings), host=host, port=port, access_log=False, log_level="warning", server_header=False)
