"""Requests that are there in the same moment, given to the script together: ``run_batch(list of bodies)``."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Callable, Set, Tuple

from .calling import Caller, RunFailedError
from .script import Script
from .settings import Settings

__all__ = ["Batches", "Connections", "open_batches"]

logger = logging.getLogger("azmlinfsrv")

_Result = Tuple[Any, float]


class Connections(Set[Any]):
    """The open connections of a worker: who has asked does not ask again on the same before the answer is there.

    The server puts them in and takes them out.

    :ivar on_close: is told when one was taken out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_close: Callable[[], None] | None = None

    def discard(self, connection: Any) -> None:
        """Take one out."""
        super().discard(connection)
        if self.on_close is not None:
            self.on_close()

    def are_all(self, number: int) -> bool:
        """Say whether so many waiting requests are all that can come without another connection."""
        return number >= len(self)


class Batches:
    """Gathers what came while the script was busy, and calls it at once when nobody else can ask.

    While ``run_batch()`` runs in the only thread, requests gather by themselves; nothing has to wait for them. So a
    batch is what one turn of the loop brings, and no clock runs unless ``batch_wait_ms`` asks for one.
    """

    def __init__(self, settings: Settings, script: Script, caller: Caller, connections: Connections) -> None:
        assert script.run_batch is not None  # noqa: S101  open_batches() looked
        self._size = settings.batch_size
        self._wait = settings.batch_wait_ms / 1000
        self._run_batch = script.run_batch
        self._caller = caller
        self._connections = connections
        self._waiting: list[tuple[str, asyncio.Future[_Result]]] = []
        self._planned: asyncio.Handle | None = None
        if self._wait:
            connections.on_close = self._plan_anew

    async def run(self, text: str) -> _Result:
        """Return the result for one body and the milliseconds of the call that made it.

        :raises RunTimeoutError: where the whole batch took too long.
        :raises RunFailedError: where the script raised for this body alone, or returned another number of results.
        """
        number = len(self._waiting) + 1
        is_complete = number >= self._size or self._connections.are_all(number)
        if is_complete and number == 1:
            return self._one(text)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Result] = loop.create_future()
        self._waiting.append((text, future))
        if is_complete:
            self._go()
        elif self._planned is None:
            self._planned = loop.call_later(self._wait, self._go) if self._wait else loop.call_soon(self._go)
        return await future

    def _plan_anew(self) -> None:
        """Look in a moment whether those who wait are the only ones left: the server is not done with this one yet."""
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._go_if_complete)

    def _go_if_complete(self) -> None:
        if self._connections.are_all(len(self._waiting)):
            self._go()

    def _go(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        batch = [(text, future) for text, future in self._waiting if not future.done()]  # callers may have gone
        self._waiting = []
        if not batch:
            return
        try:
            results, milliseconds = self._call([text for text, _ in batch])
        except RunFailedError as error:
            self._one_by_one(batch, error)
        except Exception as error:
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), result in zip(batch, results):
                future.set_result((result, milliseconds))

    def _one_by_one(self, batch: list[tuple[str, asyncio.Future[_Result]]], error: RunFailedError) -> None:
        """Find out whose fault it was: the others get their answers."""
        if len(batch) == 1:
            batch[0][1].set_exception(error)
            return
        logger.warning("run_batch() failed for %s inputs: it is given each of them alone.", len(batch), exc_info=error)
        for text, future in batch:
            self._alone(text, future)

    def _alone(self, text: str, future: asyncio.Future[_Result]) -> None:
        try:
            future.set_result(self._one(text))
        except Exception as error:
            future.set_exception(error)

    def _one(self, text: str) -> _Result:
        results, milliseconds = self._call([text])
        return results[0], milliseconds

    def _call(self, texts: list[str]) -> tuple[list[Any], float]:
        results, milliseconds = self._caller.call(self._listed, texts=texts)
        if len(results) != len(texts):
            raise RunFailedError(f"run_batch() returned {len(results)} results for {len(texts)} inputs.")
        return results, milliseconds

    def _listed(self, texts: list[str]) -> list[Any]:
        """Within the call's deadline: what is returned may be a generator, with the work still to do."""
        return list(self._run_batch(texts))


def open_batches(settings: Settings, script: Script, caller: Caller, connections: Connections) -> Batches | None:
    """Return None where requests are scored one by one: nothing else was asked for, or the script cannot."""
    if settings.batch_size == 1:
        return None
    if script.run_batch is None:
        reason = "the script has no run_batch()"
    elif script.arguments is None:
        reason = "run() is decorated with @rawhttp"
    else:
        return Batches(settings, script, caller, connections)
    logger.warning("AML_SCORING_BATCH_SIZE is %s, but %s: requests are scored one by one.", settings.batch_size, reason)
    return None
