"""What every step of the state machine has in its hands."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.reconciliation.writes import Writes
from aml_plugins.runs.states import TRANSITIONS, RunState
from aml_plugins.store.copies import changed
from aml_plugins.store.records import RunChange

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeBackend
    from aml_plugins.context import Context
    from aml_plugins.runs.history import RunHistory
    from aml_plugins.runs.reconciliation.records import RecordFeed
    from aml_plugins.store.records import RunRecord

__all__ = ["Step", "configuration", "failed", "is_disk_full", "job_key", "moved"]


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Step:
    """The context, the lease owner on whose behalf the step is taken, and what the driver remembers between steps.

    :param feeds: how far each run's records were replayed; memory only, a new driver starts over.
    :param staged: bundles that this driver has just made, by submission key.
    :param full: targets that take no run in this round, by workspace and name: one question a round is enough.
    :param refused: when a target had no slot for who asked for one, by the clock that never jumps.
    :param writes: what waits to be written.
    """

    context: Context
    owner: str
    feeds: MutableMapping[str, RecordFeed] = field(default_factory=dict)
    staged: MutableMapping[str, Mapping[str, Path]] = field(default_factory=dict)
    full: set[tuple[str, str]] = field(default_factory=set)
    refused: MutableMapping[tuple[str, str], float] = field(default_factory=dict)
    writes: Writes = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing to write."""
        object.__setattr__(self, "writes", Writes(self.context.store.runs, self.owner))

    def save(
        self,
        run: RunRecord,
        *,
        message: str = "",
        progress: float | None = None,
        frees_slot: bool = False,
        then: Callable[[RunRecord], None] | None = None,
    ) -> RunRecord:
        """Write the run under the driver's lease; return it as stored.

        On this machine a step takes milliseconds, and several share a transaction: what must not happen before the
        run is written says so with :meth:`written`. Elsewhere a step may take seconds, and is written at once.

        :param frees_slot: the job has ended: another run may have its slot.
        :param then: called with the run once it is stored.
        """
        change = RunChange(run=run, message=message, progress=progress, frees_slot=frees_slot)
        later = self.writes.add(change, then)
        return later if self._is_quick(run) else self.written(later)

    def written(self, run: RunRecord) -> RunRecord:
        """Make sure that the run is written, and return it as it is stored.

        :raises LeaseLostError: where another driver has the run by now.
        """
        return self.writes.written(run)

    def _is_quick(self, run: RunRecord) -> bool:
        try:
            return self.backend(run).is_own_machine
        except Exception:  # noqa: BLE001  whoever needs the backend says what is wrong with it
            return False

    def backend(self, run: RunRecord) -> ComputeBackend:
        """Return the backend of the run's compute target."""
        return self.context.backends.get(run.workspace, run.target)

    def history(self, run: RunRecord) -> RunHistory:
        """Return MLflow's run history of the run's workspace."""
        return self.context.history(run.workspace)

    def staging(self, run: RunRecord) -> Path:
        """Return the local directory for files of this attempt that can be made again; it may not exist."""
        return self.context.home.joinpath("staging", job_key(run))

    def staged_job(self, run: RunRecord) -> Path:
        """Return the local file that becomes ``job.json``; beside the directory, which most runs never need."""
        return self.context.home.joinpath("staging", f"{job_key(run)}.json")


def job_key(run: RunRecord) -> str:
    """Return the submission key: the same for ever for one attempt of one run, valid as a name everywhere."""
    return f"aml-{run.run_id}-{run.attempt}"


_read_last: tuple[object, RunConfiguration] = ({}, RunConfiguration())
"""A step asks several times for one configuration, and runs in a row often have the same."""


def configuration(run: RunRecord) -> RunConfiguration:
    """Return the run configuration as it was at submission."""
    global _read_last  # noqa: PLW0603  one place to remember it, replaced whole
    written, found = _read_last
    if written != run.config:
        found = RunConfiguration.from_json(run.config)
        _read_last = (run.config, found)
    return found


def moved(run: RunRecord, state: RunState, **changes: Any) -> RunRecord:
    """Return the run in another state, with the time stamps that go with it.

    :raises AssertionError: for a transition that does not exist; that is a defect of ours.
    """
    old = RunState(run.state)
    if state is not old and state not in TRANSITIONS[old]:
        raise AssertionError(f"a run cannot go from {old} to {state}")
    if state is RunState.RUNNING and run.started_at is None:
        changes.setdefault("started_at", time.time())
    if state.is_terminal:
        changes.setdefault("ended_at", time.time())
    return changed(run, state=state.value, **changes)


def failed(run: RunRecord, error: Exception) -> RunRecord:
    """Return the run on its way to ``Failed`` because of ``error``."""
    reason = _sentence_of(error)
    code = error.code if isinstance(error, AmlError) else "internal"
    return moved(run, RunState.FINALIZING, outcome=RunState.FAILED.value, reason=reason, error_code=code)


def is_disk_full(error: BaseException | None) -> bool:
    """Say whether a file could not be written for want of space, or an error of ours tells of such a one."""
    if isinstance(error, AmlError):
        return is_disk_full(error.__cause__)
    return isinstance(error, OSError) and error.errno in _FULL


def _sentence_of(error: Exception) -> str:
    if isinstance(error, AmlError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f" ('{error.filename}')" if error.filename else ""
        fix = " Free some space and submit the run again." if is_disk_full(error) else ""
        return f"{error.strerror}{where} on the machine that drives the run.{fix}"
    return f"{type(error).__name__}: {error}"
