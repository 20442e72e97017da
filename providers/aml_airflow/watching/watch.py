"""The one loop in which a triggerer looks at a workspace, for all of its deferred tasks."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from aml_airflow.address import Address
from aml_airflow.identity import ENDED
from aml_airflow.watching.looking import Seen
from aml_airflow.watching.subscription import Subscription
from aml_airflow.watching.work import Work
from aml_plugins.errors import AmlError, InvalidInputError
from aml_plugins.runs.reconciliation.intervals import Pause

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["Watch", "watch_of"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

SHORTEST_SECONDS = 0.2
LONGEST_SECONDS = 60.0
"""Between two looks while the store cannot be asked."""
LEISURE = 4.0
"""A look is followed by a pause of so many times its own duration, whatever is going on."""
LINGER_SECONDS = 10.0
"""How long a workspace stays open for nobody: the next trigger may come at any moment."""
PATIENCE_SECONDS = 300.0
"""How long a connection or workspace may be missing before the tasks that wait there fail."""

_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Address, Watch]] = WeakKeyDictionary()


def watch_of(address: Address) -> Watch:
    """Return the running event loop's one watch of a workspace."""
    watches = _watches.setdefault(asyncio.get_running_loop(), {})
    if address not in watches:
        watches[address] = Watch(address, closed=lambda: watches.pop(address, None))
    return watches[address]


class Watch:
    """Looks at everything that a workspace's triggers wait for. Belongs to the event loop that made it.

    What it waits for lies in a database or behind a network, so each look is made by a thread of its own. The loop ends
    by itself with its last subscription; see :func:`watch_of`.
    """

    def __init__(self, address: Address, *, closed: Callable[[], object]) -> None:
        self._address = address
        self._closed = closed
        self._subscriptions: dict[tuple[str, str], set[Subscription]] = defaultdict(set)
        self._ending: set[str] = set()
        self._wake = asyncio.Event()
        self._work = Work(address)
        self._pause = Pause(SHORTEST_SECONDS, LONGEST_SECONDS)
        self._failing_since: float | None = None
        self._loop: asyncio.Task[None] | None = None

    def subscription(self, kind: str, key: str, longest: float) -> Subscription:
        """Return a subscription; what it is entered for is looked at."""
        return Subscription(self, kind, key, longest)

    def add(self, subscription: Subscription) -> None:
        """Look at a thing from now on."""
        self._subscriptions[subscription.kind, subscription.key].add(subscription)
        self._go_on()

    def discard(self, subscription: Subscription) -> None:
        """Look at a thing no longer, unless somebody else wants to."""
        place = (subscription.kind, subscription.key)
        self._subscriptions[place].discard(subscription)
        if not self._subscriptions[place]:
            del self._subscriptions[place]

    async def beside(self, function: Callable[[Workspace], T]) -> T:
        """Have something done in the workspace without waiting for a look; errors are those of ``function``."""
        self._keep_open()
        return await self._work.beside(function)

    async def see_to_end(self, run_id: str, cancel: Callable[[Workspace], object]) -> None:
        """Have a run's cancellation asked for, and see it through where nobody else does."""
        self._ending.add(run_id)
        self._go_on()
        await self.beside(cancel)
        self._pause.reset()
        self._wake.set()

    def _go_on(self) -> None:
        """Look soon: something was added or asked for."""
        self._pause.reset()
        self._wake.set()
        self._keep_open()

    def _keep_open(self) -> None:
        if self._loop is None or self._loop.done():
            # In a context of its own: what it logs is not the first trigger's.
            context = contextvars.Context()
            self._loop = asyncio.get_running_loop().create_task(self._look_on(), name="aml-watch", context=context)

    async def _look_on(self) -> None:
        try:
            while await self._is_wanted():
                began = time.monotonic()
                if await self._careful_look():
                    self._pause.reset()
                spent = time.monotonic() - began
                await self._rest(spent)
        finally:
            self._closed()
            await self._work.close()

    async def _is_wanted(self) -> bool:
        """Say whether anybody waits for anything, or does soon."""
        if not self._subscriptions and not self._ending:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._wake.wait()
        return bool(self._subscriptions or self._ending)

    async def _rest(self, spent: float) -> None:
        """Wait for the next look; a new subscription shortens that, but many at once do not have a look each."""
        shortest = min(LEISURE * spent, LONGEST_SECONDS)
        longest = self._longest()
        await asyncio.sleep(min(shortest, longest))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(self._pause.seconds(), longest) - shortest, 0.0)):
                await self._wake.wait()
        self._wake.clear()

    def _longest(self) -> float:
        if self._failing_since is not None:
            return LONGEST_SECONDS
        wanted = (one.longest for several in self._subscriptions.values() for one in several)
        return min(wanted, default=1.0)

    async def _careful_look(self) -> bool:
        """Look; outlive whatever goes wrong. Say whether anything moved."""
        try:
            moved = await self._look()
        except InvalidInputError as error:  # no such connection or workspace, or it may not be entered: for now
            await self._work.forget()
            self._fail(error)
        except AmlError as error:
            logger.warning("The workspace cannot be asked now: %s", error)
            self._failing_since = self._failing_since or time.monotonic()
        except Exception:  # the tasks of all other workspaces go on
            logger.exception("The workspace cannot be asked now.")
            self._failing_since = self._failing_since or time.monotonic()
        else:
            self._failing_since = None
            return moved
        return False

    async def _look(self) -> bool:
        wanted: dict[str, set[str]] = defaultdict(set)
        for kind, key in self._subscriptions:
            wanted[kind].add(key)
        wanted["run"] |= self._ending
        seen = await self._work.look(wanted)
        self._ending = {run_id for run_id in self._ending if _goes_on(seen.get(("run", run_id)))}
        missing = Seen(None, None)
        told = [
            one.tell(seen.get(place, missing))
            for place, several in list(self._subscriptions.items())
            for one in several
            if place[1] in wanted[place[0]]  # those that came meanwhile were not looked at
        ]
        return any(told)

    def _fail(self, error: InvalidInputError) -> None:
        logger.warning("The workspace cannot be opened now: %s", error)
        self._failing_since = self._failing_since or time.monotonic()
        if time.monotonic() - self._failing_since > PATIENCE_SECONDS:
            for several in self._subscriptions.values():
                for one in several:
                    one.give_up(error)
            self._ending.clear()


def _goes_on(seen: Seen | None) -> bool:
    return seen is not None and seen.value.state not in ENDED
