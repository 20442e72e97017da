"""What a driver has yet to write: several changes, of one run or of several, go to the store in one transaction.

A change waits for as long as nothing outside has to come after it. Killed before it is written, the next driver takes
the run from where it is stored, and every step since is safe to repeat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from aml_plugins.errors import LeaseLostError
from aml_plugins.store.copies import changed
from aml_plugins.store.records import RunChange

if TYPE_CHECKING:
    from aml_plugins.store.interface import Runs
    from aml_plugins.store.records import RunRecord

__all__ = ["Writes"]


class Writes:
    """The changes of one driver that wait. Not for several threads at a time."""

    def __init__(self, runs: Runs, owner: str) -> None:
        self._runs = runs
        self._owner = owner
        self._changes: list[RunChange] = []
        self._then: list[tuple[str, Callable[[RunRecord], None]]] = []
        self._unwritten: set[str] = set()
        self._lost: set[str] = set()
        self._stored: dict[str, RunRecord] = {}

    def add(self, change: RunChange, then: Callable[[RunRecord], None] | None = None) -> RunRecord:
        """Keep a change; return the run as it will be stored, but for what others write beside us.

        :param then: called with the run once it is stored.
        """
        self._changes.append(change)
        if then is not None:
            self._then.append((change.run.run_id, then))
        return changed(change.run, version=change.run.version + 1, updated_at=time.time())

    def ended_on(self, workspace: str, target: str) -> str | None:
        """Return a run whose job has ended, so that its slot will be free once this is written."""
        on_target = (change.run for change in self._changes if change.frees_slot and change.run.target == target)
        return next((run.run_id for run in on_target if run.workspace == workspace), None)

    def keep_slot(self, run_id: str) -> None:
        """The run's slot is somebody else's by now: it is not freed with what waits."""
        self._changes = [
            changed(change, frees_slot=False) if change.run.run_id == run_id else change for change in self._changes
        ]

    @property
    def unwritten(self) -> Collection[str]:
        """The runs of which changes were lost since :meth:`take_unwritten`."""
        return self._unwritten

    def write(self) -> Mapping[str, RunRecord]:
        """Write everything that waits; return the runs as they are stored. Those are missing that others drive by now.

        :raises StoreError: where nothing could be written.
        """
        changes, then = self._changes, self._then
        self._changes, self._then = [], []
        self._unwritten.update(change.run.run_id for change in changes)
        stored = self._runs.save_all(changes, owner=self._owner) if changes else {}
        self._stored.update(stored)
        self._unwritten.difference_update(stored)
        self._lost.update(change.run.run_id for change in changes if change.run.run_id not in stored)
        for run_id, tell in then:
            if run_id in stored:
                tell(stored[run_id])
        return stored

    def written(self, run: RunRecord) -> RunRecord:
        """Return ``run`` as it is stored; where some of it waits, everything that waits is written first.

        :raises LeaseLostError: where it is not stored as this driver has it; nothing may follow then.
        :raises StoreError: where nothing could be written.
        """
        waits = any(change.run.run_id == run.run_id for change in self._changes)
        stored = self.write() if waits else {}
        if run.run_id in self._unwritten:
            raise LeaseLostError(f"Run {run.run_id!r} could not be written.", "Read it again.")
        return stored.get(run.run_id, run)

    def take_unwritten(self) -> tuple[Mapping[str, RunRecord | None], Collection[str]]:
        """Return the runs of which changes were lost since the last call, and those among them that others drive.

        The former as they were stored since, None where they were not.
        """
        found = {run_id: self._stored.get(run_id) for run_id in self._unwritten}, self._lost
        self._unwritten, self._lost, self._stored = set(), set(), {}
        return found
