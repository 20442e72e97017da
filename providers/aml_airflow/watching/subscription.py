"""One trigger's interest in one thing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aml_airflow.watching.looking import Seen

if TYPE_CHECKING:
    from aml_airflow.watching.watch import Watch

__all__ = ["Subscription"]

_NOTHING_YET = Seen(None, object())


class Subscription:
    """Hears of a thing as long as it is entered. Belongs to the event loop.

    :param kind: ``run``, ``task`` or ``model``; :param key: which one.
    :param longest: seconds between two looks at most.
    """

    def __init__(self, watch: Watch, kind: str, key: str, longest: float) -> None:
        self.kind = kind
        self.key = key
        self.longest = longest
        self._watch = watch
        self._seen = _NOTHING_YET
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._watch.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._watch.discard(self)

    async def news(self, within: float | None = None) -> Any:
        """Return how the thing is, once that changed, or after so many seconds; None for one that is not there.

        The first answer comes with the first look, however long that takes.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._changed.wait()
            self._changed.clear()
            if self._error is not None:
                raise self._error
            if self._seen is not _NOTHING_YET:
                return self._seen.value

    def tell(self, seen: Seen) -> bool:
        """Take what a look saw; say whether it is another than before."""
        if seen.mark == self._seen.mark:
            return False
        self._seen = seen
        self._changed.set()
        return True

    def give_up(self, error: Exception) -> None:
        """Let the trigger fail: what it waits for cannot be asked for."""
        self._error = error
        self._changed.set()
