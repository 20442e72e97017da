"""``aml run``: the verbs, each in the file that has its work."""

from __future__ import annotations

import click

from aml_plugins.cli.run_read import logs, outputs, snapshot
from aml_plugins.cli.run_show import list_, show_
from aml_plugins.cli.run_submit import cancel, submit, wait_


@click.group()
def run() -> None:
    """Submit, watch, cancel and read runs."""


for command in (submit, list_, show_, logs, cancel, wait_, outputs, snapshot):
    run.add_command(command)
