"""The one wait loop: drive a run to its end, or watch it where somebody else drives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.logs import RunLog
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.runs.reconciliation.launch import waits_for_slot
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.runs.reconciliation.driver import Driver
    from aml_plugins.store.records import RunRecord

__all__ = ["wait"]

LOOK_SECONDS = 5.0


def wait(
    context: Context,
    driver: Driver,
    run_id: str,
    *,
    on_output: Callable[[bytes], None] | None = None,
    on_change: Callable[[RunRecord], None] | None = None,
    timeout: float | None = None,
) -> RunRecord:
    """Return the run once it has ended, whatever its outcome.

    :param on_output: gets the script's output as it comes.
    :param on_change: gets the run whenever its row changed.
    :param timeout: seconds to wait.
    :raises OperationFailedError: where the time is up; the run goes on.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    log = RunLog(context)
    ahead = _Ahead(context, driver)
    pause = Pause(longest=0.5 if on_output else 2.0)
    version = -1
    while True:
        run = driver.drive([run_id, *ahead.ids])[run_id]
        said = log.new(run) if on_output else b""
        if said and on_output:
            on_output(said)
        if run.version != version:
            version = run.version
            pause.reset()
            if on_change:
                on_change(run)
        if RunState(run.state).is_terminal:
            ahead.leave()
            return run
        _check_time(deadline, run_id)
        ahead.look(run)
        driver.sleep(pause.seconds())


class _Ahead:
    """Runs that have the slots for which ours waits, and no driver: nobody else may be there to end them."""

    def __init__(self, context: Context, driver: Driver) -> None:
        self._runs = context.store.runs
        self._driver = driver
        self._look_at = 0.0
        self.ids: list[str] = []

    def look(self, run: RunRecord) -> None:
        """Find them, now and then, while the run waits for a slot."""
        if not waits_for_slot(run):
            return self.leave()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            due = self._runs.due(self._driver.owner, workspace=run.workspace)
            self.ids = [other.run_id for other in due if other.target == run.target and other.run_id != run.run_id]
        return None

    def leave(self) -> None:
        """Let others drive them."""
        if self.ids:
            self._driver.release(self.ids)
            self.ids, self._look_at = [], 0.0


def _check_time(deadline: float | None, run_id: str) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise OperationFailedError(f"The run {run_id} has not ended in time.", "It goes on; wait for it again.")
