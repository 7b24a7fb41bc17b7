"""Transform: build the marts from the observability dataset, with dbt run in this process."""

from __future__ import annotations

from meta_pipeline.transform.stage import TransformResult, transform

__all__ = ["TransformResult", "transform"]
