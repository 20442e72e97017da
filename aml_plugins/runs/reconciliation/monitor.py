"""Drive every run that nobody else drives: ``aml monitor``."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, StoreError, StoreSchemaError
from aml_plugins.provisioning.driving import ProvisioningWatch
from aml_plugins.runs.reconciliation.bell import Bell
from aml_plugins.runs.reconciliation.driver import Driver
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.runs.reconciliation.reach import is_within_reach
from aml_plugins.runs.snapshot_release import release_snapshots
from aml_plugins.runs.states import TERMINAL
from aml_plugins.serving_watch import ServingWatch
from aml_plugins.store.opening import is_server
from aml_plugins.tasks.courier import courier_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["Monitor"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SOON_SECONDS = 0.1
"""How often to look for new runs while there are some: by itself, and where the bell rang."""
LOOKING_SHARE = 10
"""Looking takes a tenth of a monitor's time at most, however many runs there are."""
SERVE_SECONDS = 1.0
MOST_RUNS = 20_000
"""Runs that one monitor watches; the oldest first, others come when some of them have ended."""
TIDY_SECONDS = 600.0
NOTIFY_SECONDS = 5.0
_NOBODY = "nobody"
"""No driver's name: runs that are due to it are held by nobody, not even by who asks."""


class Monitor:
    """A driver of all runs of a store, or of one workspace. Any number may run at a time, on any machine.

    :param workspace: drive only this workspace's runs.
    :param accept: says which runs to drive; None for all.
    """

    def __init__(
        self, context: Context, workspace: str | None = None, *, accept: Callable[[RunRecord], bool] | None = None
    ) -> None:
        self._context = context
        self._driver = Driver(context)
        self._workspace = workspace
        self._accept = accept or (lambda _: True)
        self._tidy_at = 0.0
        self._notify_at = 0.0
        self._look_at = 0.0
        self._rung = False
        self._soonest = 0.0
        self._serve_at = 0.0
        self._unsettled = 0
        self._mine: dict[str, int] = {}
        self._serving = ServingWatch(context, workspace)
        self._provisioning = ProvisioningWatch(context, workspace)

    def has_work(self) -> bool:
        """Say whether there are runs that have not ended and that nobody else drives."""
        return bool(self._due()) or self._serving.has_work() or self._provisioning.has_work()

    def round(self) -> tuple[int, bool]:
        """Drive what is due once; return how many runs have not ended, and whether anything moved."""
        found = self._find_due()
        if not self._mine:
            return 0, False
        runs = self._driver.drive(list(self._mine), near=found)
        moved = any(run.version != self._mine.get(run_id) for run_id, run in runs.items())
        self._mine = {run_id: run.version for run_id, run in runs.items() if run.state not in TERMINAL}
        return len(self._mine), moved

    def _find_due(self) -> Collection[str]:
        """Ask for runs that nobody drives: now and then while there are some, each time while there are none.

        Where the bell rang in between, only for those that nobody holds: of ours, others change nothing that this says.

        :return: the runs that were found.
        """
        begun = time.monotonic()
        is_time, room = not self._mine or begun >= self._look_at, MOST_RUNS - len(self._mine)
        if not is_time and not (self._rung and begun >= self._soonest and room > 0):
            return ()
        self._rung = False
        due = self._due() if is_time else self._due(_NOBODY, room)
        found = {run.run_id: self._mine.get(run.run_id, -1) for run in due}
        self._mine = found if is_time else self._mine | found
        now = time.monotonic()
        taken = LOOKING_SHARE * (now - begun)
        self._look_at = now + max(LOOK_SECONDS, taken) if is_time else self._look_at
        self._soonest = now + max(SOON_SECONDS, taken)
        return found.keys()

    def _due(self, owner: str | None = None, most: int = MOST_RUNS) -> Sequence[RunRecord]:
        due = self._context.store.runs.due(owner or self._driver.owner, most, self._workspace)
        return [run for run in due if is_within_reach(self._context, run) and self._accept(run)]

    def run(self, stop: threading.Event, *, until_idle: bool = False) -> None:
        """Go on until ``stop`` is set or, with ``until_idle``, until no run is left to drive.

        :raises StoreSchemaError: where a newer version has changed the store's tables, and has to go on.
        """
        pause, bell = Pause(shortest=0.005, longest=2.0), Bell(self._context)
        try:
            while not stop.is_set():
                self._tidy_now_and_then()
                self._notify_now_and_then()
                left, moved = self._careful_round()
                if until_idle and left == 0:
                    return
                if moved:
                    pause.reset()
                self._driver.sleep(pause.seconds(), stop.wait, bell)
                self._rung = bell.has_rung() or self._rung
        finally:
            self._driver.release()
            bell.close()

    def _tidy_now_and_then(self) -> None:
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_SECONDS
        try:
            release_snapshots(self._context, self._workspace)
        except AmlError as error:
            logger.warning("Snapshots of deleted runs stay for now: %s", error)

    def _notify_now_and_then(self) -> None:
        """Send what processes left behind that ended before its receiver took it."""
        if time.monotonic() < self._notify_at or is_server(self._context.store.uri):
            return
        self._notify_at = time.monotonic() + NOTIFY_SECONDS
        courier = courier_of(self._context.store, self._context.home)
        if not courier.outbox.is_empty():
            courier.start()

    def _serve_now_and_then(self) -> tuple[int, bool]:
        """Look after all but runs; at most so often while there are runs to drive and nothing was on its way."""
        if self._mine and not self._unsettled and time.monotonic() < self._serve_at:
            return 0, False
        self._serve_at = time.monotonic() + SERVE_SECONDS
        unsettled, changed = self._serving.round()
        under_way, went_on = self._provisioning.round()
        self._unsettled = unsettled + under_way
        return self._unsettled, changed or went_on

    def _careful_round(self) -> tuple[int, bool]:
        """Outlive a database that is away for a while."""
        try:
            unsettled, changed = self._serve_now_and_then()
            left, moved = self.round()
            return left + unsettled, moved or changed
        except StoreSchemaError:
            raise
        except StoreError as error:
            logger.warning("The store cannot be asked now: %s", error)
            return 1, False
