"""What dlt calls when runs start and end. It must be quick to import and must never make a run fail."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dlt.common.pipeline import SupportsPipeline
    from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace
    from dlt.pipeline.typing import TPipelineStep

INBOX_VARIABLE = "META_PIPELINE_INBOX"

logger = logging.getLogger("meta_pipeline_capture")


class Tracker:
    """Leaves an event where a trace starts and where it ends; one of dlt's `SupportsTracking`."""

    def __init__(self) -> None:
        # By transaction: the exception that was being handled when the run started, which is not the run's.
        self._handled: dict[str, int] = {}

    def on_start_trace(self, trace: PipelineTrace, step: TPipelineStep, pipeline: SupportsPipeline) -> None:
        """Leaves the start.

        Args:
            trace: The new trace, without steps.
            step: What was called.
            pipeline: Its pipeline.
        """
        self._handled[trace.transaction_id] = id(sys.exc_info()[1])
        self._leave("start", trace, step, pipeline, None)

    def on_start_trace_step(self, trace: PipelineTrace, step: TPipelineStep, pipeline: SupportsPipeline) -> None:
        """Does nothing.

        Args:
            trace: Not used.
            step: Not used.
            pipeline: Not used.
        """

    def on_end_trace_step(
        self,
        trace: PipelineTrace,
        step: PipelineStepTrace,
        pipeline: SupportsPipeline,
        step_info: Any,
        send_state: bool,
    ) -> None:
        """Does nothing.

        Args:
            trace: Not used.
            step: Not used.
            pipeline: Not used.
            step_info: Not used.
            send_state: Not used.
        """

    def on_end_trace(self, trace: PipelineTrace, pipeline: SupportsPipeline, send_state: bool) -> None:  # noqa: ARG002
        """Leaves the end.

        Args:
            trace: The whole trace.
            pipeline: Its pipeline.
            send_state: Not used.
        """
        raised = sys.exc_info()[1]
        if id(raised) == self._handled.pop(trace.transaction_id, None):
            raised = None
        # The call that made the trace is the one that ends last.
        self._leave("end", trace, trace.steps[-1].step if trace.steps else "run", pipeline, raised)

    def _leave(
        self,
        event: Literal["start", "end"],
        trace: PipelineTrace,
        step: str,
        pipeline: SupportsPipeline,
        raised: BaseException | None,
    ) -> None:
        inbox = os.environ.get(INBOX_VARIABLE)
        if not inbox:
            return
        try:
            # Costs nothing where no inbox is set.
            from meta_pipeline_capture.recording import leave  # noqa: PLC0415

            leave(inbox, event, trace, step, pipeline, raised)
        except Exception as error:
            logger.debug("The %s of a run was not captured: %s", event, type(error).__name__)
