"""The background monitor: a thread of each server process that drives runs nobody waits for. Leases keep them apart."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aml_plugins.errors import StoreSchemaError
from aml_plugins.runs.reconciliation.monitor import Monitor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from aml_plugins.server.serving import Server
    from aml_plugins.store.records import RunRecord

__all__ = ["monitored"]

logger = logging.getLogger(__name__)

_STOP_SECONDS = 15.0
_TIDY_SECONDS = 3600.0
_SCHEMA_SECONDS = 60.0


@asynccontextmanager
async def monitored(api: FastAPI) -> AsyncIterator[None]:
    """Drive runs while the application is up; leave none half-done when it goes down."""
    server: Server = api.state.server
    stop = threading.Event()
    threads = [threading.Thread(target=_forget_old_keys, args=(server, stop), name="aml-tidying", daemon=True)]
    if server.settings.monitor:
        threads.append(threading.Thread(target=_drive, args=(server, stop), name="aml-monitor", daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, _STOP_SECONDS)
        server.context.close()


def may_drive(server: Server, run: RunRecord) -> bool:
    """Say whether the server drives this run.

    Where users are told apart, none of them may start processes on the server's own machine: a run on a target like
    ``local`` is driven from the machine that submitted it.
    """
    if not server.settings.with_auth:
        return True
    try:
        return not server.context.backends.get(run.workspace, run.target).is_own_machine
    except Exception:  # noqa: BLE001  the target is broken, and driving the run says how
        return True


def _drive(server: Server, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            Monitor(server.context, accept=lambda run: may_drive(server, run)).run(stop)
        except StoreSchemaError as error:  # an installation of another version looks after the runs, or comes to
            logger.error("The background monitor rests: %s", error)  # noqa: TRY400  the sentence says it all
            stop.wait(_SCHEMA_SECONDS)
        except Exception:  # whatever it is, the server answers on, and the next try may succeed
            logger.exception("The background monitor starts anew")
            stop.wait(1.0)


def _forget_old_keys(server: Server, stop: threading.Event) -> None:
    while not stop.wait(_TIDY_SECONDS):
        try:
            server.requests.forget_old()
        except Exception:
            logger.exception("Old idempotency keys stay for now")
