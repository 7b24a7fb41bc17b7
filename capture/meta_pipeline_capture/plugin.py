"""The entry point in dlt's group `dlt`, which dlt loads when it first needs a run context."""

from __future__ import annotations

import logging

from dlt.common.configuration import plugins

from meta_pipeline_capture.tracking import Tracker


@plugins.hookimpl(specname="plug_run_context", tryfirst=True)
def plug_run_context() -> None:
    """Joins dlt's trackers, and leaves the run context to dlt."""
    try:
        # dlt sets the list while its package is imported, which is over when the first run context is made.
        from dlt.pipeline import trace  # noqa: PLC0415

        if not any(isinstance(module, Tracker) for module in trace.TRACKING_MODULES):
            trace.TRACKING_MODULES.append(Tracker())
    except Exception as error:
        logging.getLogger("meta_pipeline_capture").debug("dlt cannot be joined: %s", type(error).__name__)
