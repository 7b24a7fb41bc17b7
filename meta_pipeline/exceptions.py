"""The exceptions of meta-pipeline.

::

    MetaPipelineError
    ├── ConfigurationError      a setting is missing, misspelt or of the wrong kind
    ├── CollectionError         a destination, dataset or record could not be read
    │   ├── DestinationUnreachableError
    │   │   └── DestinationInterruptedError
    │   ├── DestinationLockedError
    │   ├── DestinationForbiddenError
    │   ├── BudgetExceededError
    │   ├── TableMissingError
    │   └── RecordUnreadableError
    ├── AlertError              a channel could not be told
    │   └── MessageRefusedError
    ├── ExportError             what is exported could not be written
    ├── AnnotationError         nothing that is suggested has that name, or a file is in the way
    ├── LineageUnknownError     nothing in the lineage has that name, or more than one thing has
    ├── PipelineUnknownError    no pipeline has that name, or more than one has
    ├── TransformError          dbt could not build the marts
    └── HomeError               the observability dataset could not be opened or is not there yet
"""

from __future__ import annotations

__all__ = [
    "AlertError",
    "AnnotationError",
    "BudgetExceededError",
    "CollectionError",
    "ConfigurationError",
    "DestinationForbiddenError",
    "DestinationInterruptedError",
    "DestinationLockedError",
    "DestinationUnreachableError",
    "ExportError",
    "HomeError",
    "LineageUnknownError",
    "MessageRefusedError",
    "MetaPipelineError",
    "PipelineUnknownError",
    "RecordUnreadableError",
    "TableMissingError",
    "TransformError",
]


class MetaPipelineError(Exception):
    """Base of all errors that meta-pipeline raises on purpose; its text says what, where and what to do next."""


class ConfigurationError(MetaPipelineError):
    """A setting is missing, misspelt or of the wrong kind."""


class CollectionError(MetaPipelineError):
    """A destination, dataset or record could not be read."""


class DestinationUnreachableError(CollectionError):
    """The destination did not answer, or refused the credentials."""


class DestinationInterruptedError(DestinationUnreachableError):
    """The connection broke off, or the destination asked to come back later: trying again may help."""


class DestinationLockedError(CollectionError):
    """Another process holds the destination's file."""


class DestinationForbiddenError(CollectionError):
    """The credentials lack a right that is needed to read."""


class BudgetExceededError(CollectionError):
    """Reading on would cost more than the configuration allows, or a quota of the destination is used up."""


class TableMissingError(CollectionError):
    """A table that was listed is not there any more, or has changed its columns."""


class RecordUnreadableError(CollectionError):
    """A stored state or schema does not decode."""


class AlertError(MetaPipelineError):
    """A channel could not be told, or the heartbeat not be called."""


class MessageRefusedError(AlertError):
    """A channel is there, but does not want this message."""


class ExportError(MetaPipelineError):
    """What is exported could not be written."""


class AnnotationError(MetaPipelineError):
    """Nothing that is suggested has that name, or a file to be written is in the way."""


class LineageUnknownError(MetaPipelineError):
    """Nothing in the lineage has that name, or more than one thing has."""


class PipelineUnknownError(MetaPipelineError):
    """No pipeline has that name, or more than one has where one is asked for."""


class TransformError(MetaPipelineError):
    """The dbt build of the marts failed."""


class HomeError(MetaPipelineError):
    """The observability dataset could not be opened or is not there yet."""
