"""One pane of glass over all your dlt pipelines."""

__all__ = ["__version__"]

__version__ = "0.1.0"
