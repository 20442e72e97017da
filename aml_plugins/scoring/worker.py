"""One worker: loads the script, then answers requests until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from typing import Any, Callable, Mapping, Sequence, cast

import uvicorn

from . import SERVER_NAME, azure_modules
from .app import App, Route
from .calling import Caller
from .capture import Capture
from .capture_upload import CaptureUpload
from .collectors import collect_into
from .cors import open_cors
from .frames import install_frames
from .keys import open_keys
from .logs import configure_logs
from .metrics import Metrics, open_metrics
from .notes import Notes
from .script import ScriptError, load_script
from .settings import BadSettingError, Settings
from .supervisor import BOOT_FAILED
from .tracing import open_tracing

__all__ = ["run_worker"]

logger = logging.getLogger("azmlinfsrv")

_HUNG = 70
_HUNG_GRACE_SECONDS = 30.0
_TREE_LINES = 200


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
    routes = _routes(settings, caller)
    if routes is None:
        return BOOT_FAILED
    _serve(settings, routes, socket.socket(fileno=listener), news)
    return 0


def _routes(settings: Settings, caller: Caller) -> Mapping[str, Route] | None:
    """Load the script or the model and call ``init()``; None, with the reason in the log, where that fails."""
    azure_modules.install()
    if settings.entry_script is None and settings.mlflow_model:
        return _model_routes(settings.mlflow_model, caller)
    from .scoring_routes import scoring_routes

    try:
        script = load_script(settings)
    except ScriptError as error:
        logger.error("%s", error, exc_info=error.__cause__ or error)  # noqa: TRY400  the cause says it
        return None
    install_frames()
    logger.info("Invoking user's init function")
    try:
        script.init()
    except BaseException:
        logger.exception("User's init function failed")
        _show_models(settings.model_dir)
        return None
    logger.info("Users's init has completed successfully")
    try:
        return scoring_routes(settings, script, caller)
    except Exception:
        logger.exception("The service cannot be described:")
        return None


def _model_routes(path: str, caller: Caller) -> Mapping[str, Route] | None:
    from .pyfunc import pyfunc_routes

    try:
        return pyfunc_routes(path, caller)
    except BaseException:
        logger.exception("The model cannot be loaded")
        return None


def _serve(settings: Settings, routes: Mapping[str, Route], listener: socket.socket, news: int) -> None:
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
    _Server(config, app, metrics, news, closing).run(sockets=[listener])


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


def _version() -> str:
    shown = os.environ.get("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true").lower() == "true"
    return os.environ.get("HTTP_X_MS_SERVER_VERSION") or (SERVER_NAME if shown else "")


def _show_models(directory: str) -> None:
    """Log what the models' directory has: a wrong path is why most ``init()`` fail."""
    if not directory or not os.path.isdir(directory):
        return
    logger.info("Model Directory Contents:")
    lines = 0
    for folder, _, files in os.walk(directory):
        for name in sorted(files):
            lines += 1
            if lines > _TREE_LINES:
                logger.info("Output Truncated. First %s lines shown.", _TREE_LINES)
                return
            logger.info("%s", os.path.relpath(os.path.join(folder, name), directory))
