"""Requests that come in the same moment, given to the script together: ``run_batch(list of bodies)``."""

from __future__ import annotations

import asyncio
from typing import Any

from .calling import Caller, RunFailedError
from .script import Script
from .settings import Settings

__all__ = ["Batches"]


class Batches:
    """Gathers requests for a few milliseconds, or until there are enough."""

    def __init__(self, settings: Settings, script: Script, caller: Caller) -> None:
        self._size = settings.batch_size
        self._wait = settings.batch_wait_ms / 1000
        self._script = script
        self._caller = caller
        self._waiting: list[tuple[str, asyncio.Future[tuple[Any, float]]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, text: str) -> tuple[Any, float]:
        """Return the result for one body and the milliseconds of the call that made it.

        :raises RunFailedError: where the script raised, or returned another number of results.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, float]] = loop.create_future()
        self._waiting.append((text, future))
        if len(self._waiting) >= self._size:
            self._go()
        elif self._timer is None:
            self._timer = loop.call_later(self._wait, self._go)
        return await future

    def _go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        waiting = [(text, future) for text, future in batch if not future.done()]
        if not waiting:
            return
        try:
            results, milliseconds = self._call([text for text, _ in waiting])
        except Exception as error:
            for _, future in waiting:
                future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results):
            future.set_result((result, milliseconds))

    def _call(self, texts: list[str]) -> tuple[list[Any], float]:
        assert self._script.run_batch is not None  # noqa: S101  checked where batches are opened
        returned, milliseconds = self._caller.call(self._script.run_batch, inputs=texts)
        results = list(returned)
        if len(results) != len(texts):
            raise RunFailedError(f"run_batch() returned {len(results)} results for {len(texts)} inputs.")
        return results, milliseconds
