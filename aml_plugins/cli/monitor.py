"""``aml monitor``."""

from __future__ import annotations

import logging
import signal
import threading

import click

from aml_plugins.cli.options import in_workspace


@click.command()
@click.option("--until-idle", is_flag=True, help="End once no run is left to drive.")
@click.option(
    "--single", is_flag=True, hidden=True, help="End at once where another --single monitor of the store runs."
)
@in_workspace
def monitor(until_idle: bool, single: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Drive runs that nobody waits for. Any number of monitors may run at a time."""
    from aml_plugins.context import open_context
    from aml_plugins.runs.monitoring import single_monitor
    from aml_plugins.runs.reconciliation.monitor import Monitor

    del output
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    context = open_context(store)
    try:
        if not single:
            Monitor(context, workspace).run(stop, until_idle=until_idle)
            return
        with single_monitor(context) as alone:
            if alone:
                Monitor(context, workspace).run(stop, until_idle=until_idle)
    finally:
        context.close()
