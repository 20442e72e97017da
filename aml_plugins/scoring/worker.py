"""One worker: loads the script, then answers requests until it is told to stop."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
import time

from .batching import Connections
from .calling import Caller
from .loading import load_routes
from .logs import configure_logs
from .serving import serve
from .settings import BadSettingError, Settings
from .supervisor import BOOT_FAILED

__all__ = ["run_worker"]

logger = logging.getLogger("azmlinfsrv")

_HUNG = 70
_HUNG_GRACE_SECONDS = 30.0


def run_worker(listener: int, lifeline: int, news: int) -> int:
    """Serve on an open socket; return the exit code.

    :param lifeline: a descriptor that ends with the supervisor.
    :param news: where to say that requests can come.
    """
    try:
        settings = Settings.read(os.environ)
        configure_logs(settings)
    except BadSettingError as error:
        print(f"Configuration error: {error}", file=sys.stderr)
        return BOOT_FAILED
    caller = Caller(settings.timeout_ms)
    _watch(lifeline, caller)
    connections = Connections()
    routes = load_routes(settings, caller, connections)
    if routes is None:
        return BOOT_FAILED
    serve(settings, routes, socket.socket(fileno=listener), news, connections)
    return 0


def _watch(lifeline: int, caller: Caller) -> None:
    """End with the supervisor, and end where ``run()`` cannot be interrupted: native code hears no signal."""

    def look() -> None:
        while True:
            if select.select([lifeline], [], [], 1.0)[0]:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(_HUNG_GRACE_SECONDS)
                os._exit(0)
            if caller.overdue_seconds > _HUNG_GRACE_SECONDS:
                logger.error("run() cannot be interrupted; this worker ends.")
                os._exit(_HUNG)

    threading.Thread(target=look, daemon=True).start()
