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
    # What happens to runs is the monitor's to tell; each connection that a library opens is not.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aml_plugins").setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # In a thread: the interrupted code may hold the very lock that set() wants.
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    context = open_context(store)
    driven = Monitor(context, workspace)
    try:
        if not single:
            driven.run(stop, until_idle=until_idle)
            return
        is_free = True
        # Who submits while this one is about to end finds the place taken, and relies on it: so look once more.
        while is_free and not stop.is_set() and driven.has_work():
            with single_monitor(context) as is_free:
                if is_free:
                    driven.run(stop, until_idle=until_idle)
    finally:
        context.close()
