"""Prints the workflow of this repository, as the template gives it."""

from __future__ import annotations

import click

from meta_pipeline.init.files import own_workflow

click.echo(own_workflow(), nl=False)
