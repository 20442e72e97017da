"""Send in a thread of its own: runs never wait for telemetry, and a process that ends waits a moment for it."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_plugins.telemetry.contract import Measurement, Span, TelemetryExporter

__all__ = ["Sender"]

logger = logging.getLogger(__name__)

WAITING = 1000
FAREWELL_SECONDS = 5.0
COMPLAINT_SECONDS = 60.0


class Sender:
    """Hands what it gets to one exporter, in order. Never raises: what is not taken is lost, and that is told."""

    def __init__(self, exporter: TelemetryExporter) -> None:
        self._exporter = exporter
        self._queue: queue.Queue[tuple[Sequence[Span], Sequence[Measurement]]] = queue.Queue(WAITING)
        self._complained = -COMPLAINT_SECONDS
        self._thread = threading.Thread(target=self._send_all, name="aml-telemetry", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def send(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        """Send soon."""
        try:
            self._queue.put_nowait((spans, measurements))
        except queue.Full:
            self._complain("Telemetry is lost: its receiver is too slow.")

    def flush(self, seconds: float = FAREWELL_SECONDS) -> bool:
        """Wait until all is sent, or for so long; say whether all is."""
        until = time.monotonic() + seconds
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._queue.all_tasks_done.wait(left)
        return True

    def _end(self) -> None:
        """Wait a moment for what is on its way as the process ends; what it was too short for is lost, and told."""
        if not self.flush(FAREWELL_SECONDS):
            logger.warning("Telemetry is lost: its receiver had not taken it when the process ended.")

    def _send_all(self) -> None:
        while True:
            spans, measurements = self._queue.get()
            try:
                self._exporter.export(spans, measurements)
            except AmlError as error:
                self._complain(str(error))
            except Exception as error:  # noqa: BLE001  a stranger's exporter; its text may quote a credential
                self._complain(f"The telemetry exporter '{self._exporter.type_name}' failed: {type(error).__name__}.")
            finally:
                self._queue.task_done()

    def _complain(self, sentence: str) -> None:
        """Say it once a minute: a receiver that is away is away for every run."""
        now = time.monotonic()
        if now > self._complained + COMPLAINT_SECONDS:
            self._complained = now
            logger.warning("%s", sentence)
