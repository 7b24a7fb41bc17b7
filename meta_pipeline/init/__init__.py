"""Writes what a folder needs to observe a fleet: dlt's configuration, a workflow, what git shall not see."""
