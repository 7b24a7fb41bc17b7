"""Opens the trace that dlt pickles, without letting the file say what is imported or called.

A pickle can name any function to be called. Here it gets dlt's own plain types, moments and nothing else: whatever
else it names, such as the class of a configured value, is stood for by something that does nothing.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import pendulum
from dlt.common import metrics, pipeline
from dlt.common.storages import load_package
from dlt.pipeline import trace as traces
from pendulum.tz.timezone import FixedTimezone, Timezone

from meta_pipeline.exceptions import RecordUnreadableError


class Inert:
    """Stands for an object of a class that is not loaded; it takes what it is given and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, Mapping):
            self.__dict__.update({name: value for name, value in state.items() if isinstance(name, str)})

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Takes an item."""

    def extend(self, _: Any) -> None:
        """Takes items."""


class KeptPipeline(Inert):
    """Stands for the pipeline, of which a trace tells the name."""

    pipeline_name: str | None = None


class KeptSchema(Inert):
    """Stands for a package's schema, of which a trace tells name and hash."""

    @property
    def name(self) -> Any:
        """Returns its name."""
        return self.__dict__.get("_schema_name")

    @property
    def version_hash(self) -> Any:
        """Returns its hash as stored."""
        return self.__dict__.get("_stored_version_hash")


def _attribute(owner: Any, name: str) -> Any:
    """Stands for `getattr`, which pickles of time zones name: gives the one thing that they ask for."""
    if owner is Timezone and name == "_unpickle":
        return Timezone._unpickle  # type: ignore[attr-defined]
    raise pickle.UnpicklingError("getattr")


_TYPES = (
    *(traces.PipelineTrace, traces.PipelineStepTrace, traces.SerializableResolvedValueTrace),
    *(pipeline.ExtractInfo, pipeline.NormalizeInfo, pipeline.LoadInfo),
    *(metrics.DataWriterMetrics, metrics.DataWriterAndCustomMetrics, metrics.LoadJobMetrics),
    *(load_package.LoadPackageInfo, load_package.LoadJobInfo, load_package.ParsedLoadJobFileName),
    *(pendulum.DateTime, Timezone, FixedTimezone, datetime, date, timedelta, timezone),
)
_ALLOWED: Mapping[tuple[str, str], Callable[..., Any]] = {
    **{(kind.__module__, kind.__name__): kind for kind in _TYPES},
    ("builtins", "getattr"): _attribute,
    ("dlt.pipeline.pipeline", "Pipeline"): KeptPipeline,
    ("dlt.common.schema.schema", "Schema"): KeptSchema,
}


class _TraceUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _ALLOWED.get((module, name), Inert)


def read_trace(content: bytes) -> Mapping[str, Any]:
    """Reads a pickled trace.

    Args:
        content: Content of `trace.pickle`.

    Returns:
        What `PipelineTrace.asdict()` gives.

    Raises:
        RecordUnreadableError: It is not a trace, or one of a version of dlt that wrote it in another way.
    """
    try:
        trace = _TraceUnpickler(BytesIO(content)).load()
        found = trace.asdict() if type(trace) is traces.PipelineTrace else None
    except Exception:
        # There is nothing that a broken pickle may not raise.
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("transaction_id"), str):
        raise RecordUnreadableError("is no trace that the installed dlt can read")
    return found
