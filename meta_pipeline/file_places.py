"""Places of files that are read beside dlt's destinations; in the coverage each stands as a dataset."""

from __future__ import annotations

INBOX = "inbox"
WORKING_FOLDER = "working_folder"
SCHEMA_EXPORT = "schema_export"
DBT_ARTIFACTS = "dbt_artifacts"

FILE_PLACES = frozenset({INBOX, WORKING_FOLDER, SCHEMA_EXPORT, DBT_ARTIFACTS})
"""The types of destination that they are told under."""
