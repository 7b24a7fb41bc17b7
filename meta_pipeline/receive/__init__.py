"""Receives the traces that dlt itself sends (`RUNTIME__DLTHUB_DSN`) and puts them into the inbox."""

from __future__ import annotations

from meta_pipeline.receive.app import make_app
from meta_pipeline.receive.settings import ReceiverSettings, read_settings

__all__ = ["ReceiverSettings", "make_app", "read_settings"]
