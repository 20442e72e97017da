"""Time in the emulator: one lock around all state, one thread that does what is due."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

__all__ = ["Engine"]

logger = logging.getLogger(__name__)


class Engine:
    """Runs things later. Whatever it runs holds :attr:`lock`, as does every request."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._changed = threading.Condition(self.lock)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="azure-emulator-clock", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run ``action`` in ``seconds``."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), action))
            self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is run any more."""
        return self._closed

    def close(self) -> None:
        """Run nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                else:
                    self._do(heapq.heappop(self._due)[2])

    def _do(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            logger.exception("The emulator has a defect")
