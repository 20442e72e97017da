"""Triggers as the Livy and the Azure Batch provider write them: each asks for its own job, in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import urllib3
from airflow.triggers.base import BaseTrigger, TriggerEvent

ENDED = ("Completed", "Failed", "Canceled")
_POOL = urllib3.PoolManager(maxsize=32)


class _OwnLoop(BaseTrigger):
    def __init__(self, *, url: str, poll_interval: float) -> None:
        super().__init__()
        self.url = url
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"one_loop_each.{type(self).__name__}", {"url": self.url, "poll_interval": self.poll_interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while (state := await self.ask()) not in ENDED:  # noqa: ASYNC110  it is the pattern
            await asyncio.sleep(self.poll_interval)
        yield TriggerEvent({"state": state})

    async def ask(self) -> str:
        raise NotImplementedError


class LivyPattern(_OwnLoop):
    """An asynchronous hook opens a session, asks, and closes it."""

    async def ask(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.url) as answer:
            return str((await answer.json())["state"])


class BatchPattern(_OwnLoop):
    """A synchronous client is asked in a thread."""

    async def ask(self) -> str:
        return await asyncio.to_thread(lambda: str(_POOL.request("GET", self.url).json()["state"]))
