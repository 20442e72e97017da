"""Processor time of a thread, in all and within the calls of the store, MLflow's and ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["Meter"]

HISTORY = ("ensure_experiment", "create_run", "set_status", "script_variables")
NOUNS = ("runs", "tasks", "snapshots", "compute_targets", "datastores", "workspaces")


class Meter:
    """Measures the thread that makes it."""

    def __init__(self, context: Any, workspace: str) -> None:
        self._inside = False
        self._clock = time.pthread_getcpuclockid(threading.get_ident())  # readable from other threads, too
        for owner in (getattr(context.store, noun) for noun in NOUNS):
            for name in dir(owner):
                if not name.startswith("_") and callable(getattr(owner, name)):
                    setattr(owner, name, self._measured(getattr(owner, name)))
        history = context.history(workspace)
        for name in HISTORY:
            setattr(history, name, self._measured(getattr(history, name)))
        self.reset()  # opening the history takes its time, which is no run's doing

    def reset(self) -> None:
        self.store, self._begun = 0.0, time.clock_gettime(self._clock)

    def read(self) -> dict[str, float]:
        return {"all": time.clock_gettime(self._clock) - self._begun, "store": self.store}

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*arguments: Any, **options: Any) -> Any:
            if self._inside:
                return function(*arguments, **options)
            self._inside, begun = True, time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self._inside = False
                self.store += time.thread_time() - begun

        return measured
