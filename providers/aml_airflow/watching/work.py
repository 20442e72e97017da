"""What a watch does in threads: the SDK waits for databases and networks, and an event loop must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from aml_airflow.watching.looking import LOOKS, Seen

if TYPE_CHECKING:
    from aml_airflow.address import Address
    from aml_plugins import Workspace

__all__ = ["Work"]

T = TypeVar("T")

OTHERS = 4
"""Threads for logs and cancellations, however many runs are watched."""


class Work:
    """A workspace, opened when it is first needed, one thread that looks, and a few for the rest."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="aml-watch")
        self._others = ThreadPoolExecutor(OTHERS, thread_name_prefix="aml-beside")
        self._opening = asyncio.Lock()
        self._workspace: Workspace | None = None
        self._driven: set[str] = set()

    async def look(self, wanted: Mapping[str, Collection[str]]) -> dict[tuple[str, str], Seen]:
        """Return how everything is, by kind and key; what is not there is left out."""
        workspace = await self._opened()
        return await _in(self._looking, lambda: self._look(workspace, wanted))

    async def beside(self, function: Callable[[Workspace], T]) -> T:
        """Do something with the workspace in another thread than the one that looks."""
        workspace = await self._opened()
        return await _in(self._others, lambda: function(workspace))

    async def forget(self) -> None:
        """Close the workspace; the next one to need it looks its connection up anew."""
        workspace, self._workspace = self._workspace, None
        if workspace is not None:
            await _in(self._looking, workspace.close)

    async def close(self) -> None:
        """Let go of leases and threads. Nothing is cancelled."""
        await self.forget()
        for executor in (self._looking, self._others):
            executor.shutdown(wait=False)

    def _look(self, workspace: Workspace, wanted: Mapping[str, Collection[str]]) -> dict[tuple[str, str], Seen]:
        runs = set(wanted.get("run", ()))
        if left := self._driven - runs:
            workspace.driver.release(left)
        self._driven = runs
        return {
            (kind, key): seen
            for kind, keys in wanted.items()
            if keys
            for key, seen in LOOKS[kind](workspace, keys).items()
        }

    async def _opened(self) -> Workspace:
        async with self._opening:
            if self._workspace is None:
                connection = await self._address.aconnection()
                self._workspace = await _in(self._looking, lambda: self._address.open_by(connection))
            return self._workspace


async def _in(executor: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, function)
