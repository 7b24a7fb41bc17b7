"""Alert: tell people what is open, once, and what is over."""

from __future__ import annotations

from meta_pipeline.alert.channels import beat
from meta_pipeline.alert.settings import AlertSettings, read_alert_settings
from meta_pipeline.alert.stage import AlertResult, alert

__all__ = ["AlertResult", "AlertSettings", "alert", "beat", "read_alert_settings"]
