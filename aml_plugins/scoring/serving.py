"""The HTTP server of one worker: uvicorn with the application, from the first request to the last answer."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any, Callable, Mapping, Sequence, cast

import uvicorn

from . import SERVER_NAME
from .app import App, Route
from .batching import Connections
from .capture import Capture
from .capture_upload import CaptureUpload
from .collectors import collect_into
from .cors import open_cors
from .keys import open_keys
from .metrics import Metrics, open_metrics
from .notes import Notes
from .settings import Settings
from .tracing import open_tracing

__all__ = ["serve"]

logger = logging.getLogger("azmlinfsrv")


def serve(
    settings: Settings, routes: Mapping[str, Route], listener: socket.socket, news: int, connections: Connections
) -> None:
    """Answer requests until SIGTERM.

    :param news: where to say that requests can come.
    :param connections: gets to know those that are open.
    """
    capture = _open_capture(settings)
    if capture is not None:
        collect_into(capture.take)
    tracing = open_tracing(os.environ, settings.service_name)
    metrics = open_metrics()
    app = App(
        routes,
        version=_version(),
        max_bytes=settings.max_request_bytes,
        cors=open_cors(settings.cors_origins),
        keys=open_keys(settings.keys_file, settings.key_digests),
        has_metrics=metrics is not None,
        tracing=tracing,
        capture=capture,
    )
    config = uvicorn.Config(
        cast("Any", app),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
    closing = [one.close for one in (capture, tracing) if one is not None]
    server = _Server(config, app, metrics, news, closing)
    server.server_state.connections = connections
    server.run(sockets=[listener])


def _open_capture(settings: Settings) -> Capture | CaptureUpload | None:
    if settings.capture_url:
        return CaptureUpload(settings.capture_url, settings.service_name)
    return Capture(settings.capture_directory) if settings.capture_directory else None


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends in good order."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: App,
        metrics: Metrics | None,
        news: int,
        closing: Sequence[Callable[[], None]],
    ) -> None:
        super().__init__(config)
        self._app = app
        self._metrics = metrics
        self._news = news
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._app.notes = Notes(asyncio.get_running_loop(), self._metrics)
        # What a script gets from get_event_loop() is a loop that it may run itself.
        asyncio.set_event_loop(asyncio.new_event_loop())
        logger.info("Worker with pid %s ready for serving traffic", os.getpid())
        os.write(self._news, b"R")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.is_draining = True
        await super().shutdown(sockets)
        if self._app.notes is not None:
            self._app.notes.flush()
        # Here and not after run(): uvicorn raises the signal anew when it is done, and that ends the process.
        for close in self._closing:
            close()


def _version() -> str:
    shown = os.environ.get("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true").lower() == "true"
    return os.environ.get("HTTP_X_MS_SERVER_VERSION") or (SERVER_NAME if shown else "")
