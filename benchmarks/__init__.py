"""Measurements of meta-pipeline against its peers, on a fleet of datasets in a real PostgreSQL server."""
