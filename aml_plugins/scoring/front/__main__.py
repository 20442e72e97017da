"""The command line of the front."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, Sequence, cast

import uvicorn

from .application import Front
from .control import Control

__all__ = ["main"]

_KEEP_ALIVE_SECONDS = 75


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front
        self._tasks: list[Any] = []

    async def startup(self, sockets: Any = None) -> None:
        with suppress(OSError, ValueError):
            self._front.table.look()
        await super().startup(sockets)
        self._tasks.append(asyncio.get_running_loop().create_task(self._front.keep_up()))


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sockets = [_bound(options.host, options.port)]
    if options.control_port is not None:
        sockets.append(_bound(options.host, options.control_port))
    secret = os.environ.pop("AML_FRONT_SECRET", "").encode() or None
    front = Front(
        options.directory,
        control=None if options.control_port is None else Control(secret),
        control_port=options.control_port,
        draining_file=options.draining_file,
        inner=secret,
    )
    front.port = sockets[0].getsockname()[1]
    config = uvicorn.Config(
        cast("Any", front),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.private_key,
    )
    _Server(config, front).run(sockets)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aml_scoring.front", description=__doc__)
    add = parser.add_argument
    add("directory", help="Where routes.json is.")
    add("port", type=int, help="The service's port; 0 takes a free one.")
    add("--host", default="127.0.0.1", help="The address to listen on.")
    add("--control_port", type=int, help="A port for probes, the state, and signed routes (AML_FRONT_SECRET signs).")
    add("--draining_file", help="Once it exists, callers are asked to connect anew.")
    add("--certificate", help="File of a certificate: callers use https.")
    add("--private_key", help="File of its private key.")
    return parser


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.set_inheritable(True)
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
