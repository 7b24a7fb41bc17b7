"""Leaves a small file about every run of a dlt pipeline in the inbox that META_PIPELINE_INBOX names."""
