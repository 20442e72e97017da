"""Drive runs: hold their leases, ask their targets in batches, take each one step after the other."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from aml_plugins.compute.job import JobHandle, JobStatus
from aml_plugins.errors import (
    AmlError,
    LeaseLostError,
    NotYetDoneError,
    StoreError,
    StoreSchemaError,
    TransientBackendError,
)
from aml_plugins.runs.log_relay import LogRelay
from aml_plugins.runs.reconciliation.advance import advance, needs_status
from aml_plugins.runs.reconciliation.bell import Bell, ring
from aml_plugins.runs.reconciliation.launch import waits
from aml_plugins.runs.reconciliation.reach import is_within_reach
from aml_plugins.runs.reconciliation.step import Step
from aml_plugins.runs.reconciliation.trouble import TELL_SECONDS, tell, tell_end
from aml_plugins.runs.reconciliation.waking import WATCHED_SECONDS, Sleep
from aml_plugins.runs.states import TERMINAL, RunState
from aml_plugins.store.copies import changed
from aml_plugins.store.leases import new_owner
from aml_plugins.telemetry.surroundings import observing

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["LEASE_SECONDS", "Driver"]

logger = logging.getLogger(__name__)

_FINALIZING = RunState.FINALIZING.value

LEASE_SECONDS = 60.0
STEPS_A_ROUND = 8
"""More steps than a run has between two looks at its job; a bound, so that a defect cannot spin."""

FEW_RUNS = 10
ASK_SECONDS = 0.1
"""How often to ask whether one of more than a few runs is to be cancelled."""

RETRY_SECONDS = (1.0, 60.0)
"""First and longest pause of a run whose target said "later"."""
CLEANED_SECONDS = 0.1
"""First pause of a run whose job is being cleaned up: the user waits for nothing else."""

REST_SHARE = 2
LONGEST_REST = 0.25
"""After a look without news, rest twice as long as it took: a target that answers slowly is not asked without end."""


class Driver:
    """Owns leases under one name. Not for several threads at a time; make one a thread.

    While it holds a run's lease nobody else writes the row, but for a cancellation; so it reads a row once.

    :param owner: the lease owner's name; the default names this process and cannot be mistaken for another.
    """

    def __init__(self, context: Context, owner: str | None = None) -> None:
        self.owner = owner or new_owner()
        self._step = Step(context, self.owner)
        self._store = context.store
        self._context = context
        self._leases: dict[str, float] = {}
        self._held: dict[str, RunRecord] = {}
        self._later: dict[str, tuple[float, float, float]] = {}  # not before, pause, since
        self._delivered: dict[str, int] = {}
        self._looked_at: dict[str, float] = {}
        self._relay = LogRelay(context, self.owner)
        self._sleep = Sleep(context)
        self._ask_at = 0.0
        self._rest = 0.0
        self._began = 0.0
        self._new: set[str] = set()

    def adopt(self, run: RunRecord) -> None:
        """Count a run as held that was written with this driver's lease."""
        self._leases[run.run_id] = time.monotonic() + LEASE_SECONDS
        self._held[run.run_id] = run
        self._new.add(run.run_id)

    def drive(self, run_ids: Collection[str], near: Collection[str] = ()) -> Mapping[str, RunRecord]:
        """Take the runs as far as they go now, and return them as they are, driven by us or not.

        :param near: those among them that were found to be within reach just now.
        :raises StoreSchemaError: where a newer version has changed the store's tables; all leases are given up then.
        """
        self._began = time.monotonic()
        held = self._hold(run_ids, near)
        runs = self._read(run_ids, held)
        before = dict(runs)
        active = [run for run in runs.values() if run.run_id in held and not _ended(run) and self._is_time(run)]
        begun = time.monotonic()
        seen = self._look(active)
        self._rest = min(LONGEST_REST, REST_SHARE * (time.monotonic() - begun))
        self._step.full.clear()
        active.sort(key=_turn)
        for run in active:
            if not _is_finalizing(run):
                runs[run.run_id] = self._advance(run, seen.get(run.run_id))
        for steps in (1, STEPS_A_ROUND):  # while the jobs that were started now are running
            for run in active:
                if _is_finalizing(runs[run.run_id]) and self._is_ours(run) and self._is_time(run):
                    runs[run.run_id] = self._advance(runs[run.run_id], None, finalizing=True, steps=steps)
            self._write(runs)
        self._take_back(runs, before)
        self._relay.pass_on(run for run in runs.values() if run.run_id in self._leases)
        news = [run for run in runs.values() if run.run_id in held and self._has_news(run)]
        if news:
            self._rest = 0.0
        self._deliver(news)
        return runs

    def sleep(self, seconds: float, stopped: Callable[[float], bool] | None = None, bell: Bell | None = None) -> None:
        """Wait, but not beyond the end of a job that this driver drives, or the ringing of the bell.

        :param stopped: waits for so many seconds at most, and says whether to stop; ``time.sleep`` by default.
        """
        with_jobs = [run for run in self._held.values() if needs_status(run) and self._is_time(run)]
        pause = max(seconds, self._rest)
        self._sleep.until_news(with_jobs, pause, stopped or _slept, bell.descriptor if bell else None)

    def release(self, run_ids: Collection[str] | None = None) -> None:
        """Give up leases, by default all, so that another driver can go on at once."""
        held = [run_id for run_id in self._leases if run_ids is None or run_id in run_ids]
        if held:
            self._store.runs.release(held, self.owner)
            ring(self._context)
        for run_id in held:
            self._forget(run_id)

    def _hold(self, run_ids: Collection[str], near: Collection[str]) -> set[str]:
        """Renew leases at half their time only: a look at a running job then writes nothing."""
        now = time.monotonic()
        wanted = [run_id for run_id in run_ids if self._leases.get(run_id, 0.0) < now + LEASE_SECONDS / 2]
        for run_id in wanted:
            if self._leases.get(run_id, 0.0) < now:  # somebody may have driven it meanwhile
                self._forget(run_id)
        wanted = self._within_reach(wanted, near)
        if wanted:
            taken = set(self._store.runs.acquire(wanted, self.owner, LEASE_SECONDS))
            for run_id in wanted:
                if run_id in taken:
                    self._leases[run_id] = now + LEASE_SECONDS
                else:
                    self._forget(run_id)
        return {run_id for run_id in run_ids if run_id in self._leases}

    def _within_reach(self, run_ids: Collection[str], near: Collection[str]) -> list[str]:
        """Leave out runs whose jobs only another machine can look at; those that are held were looked at before."""
        unknown = [run_id for run_id in run_ids if run_id not in self._leases and run_id not in near]
        new = self._store.runs.get_many(unknown)
        return [run_id for run_id in run_ids if run_id not in new or is_within_reach(self._context, new[run_id])]

    def _read(self, run_ids: Collection[str], held: set[str]) -> dict[str, RunRecord]:
        known = [run_id for run_id in run_ids if run_id in self._held]
        runs = dict(self._store.runs.get_many([run_id for run_id in run_ids if run_id not in self._held]))
        self._held.update((run_id, run) for run_id, run in runs.items() if run_id in held)
        for run_id, when in self._cancellations([run_id for run_id in known if run_id not in self._new]).items():
            self._held[run_id] = changed(self._held[run_id], cancel_requested_at=when)
        self._new.clear()
        there = {*known, *runs}
        return {run_id: self._held.get(run_id) or runs[run_id] for run_id in run_ids if run_id in there}

    def _cancellations(self, run_ids: Collection[str]) -> Mapping[str, float]:
        """Ask each time for a few runs, now and then for many."""
        if len(run_ids) > FEW_RUNS and time.monotonic() < self._ask_at:
            return {}
        self._ask_at = time.monotonic() + ASK_SECONDS
        return self._store.runs.cancellations(run_ids)

    def _forget(self, run_id: str) -> None:
        for memory in (self._leases, self._held, self._later, self._delivered, self._looked_at):
            memory.pop(run_id, None)
        self._sleep.forget([run_id])

    def _look(self, runs: Collection[RunRecord]) -> dict[str, JobStatus | Exception]:
        """Ask each target once for all its jobs of which there may be news."""
        asked: dict[tuple[str, str], dict[JobHandle, str]] = defaultdict(dict)
        self._sleep.note_ends()
        now = time.monotonic()
        for run in runs:
            if needs_status(run) and not self._is_quiet(run, now):
                handle = JobHandle.from_dict(dict(run.handle or {}))
                asked[run.workspace, run.target][handle] = run.run_id
        seen: dict[str, JobStatus | Exception] = {}
        for (workspace, target), handles in asked.items():
            for handle, status in self._statuses(workspace, target, handles).items():
                seen[handles[handle]] = status
        self._looked_at.update((run_id, now) for run_id, status in seen.items() if isinstance(status, JobStatus))
        return seen

    def _is_quiet(self, run: RunRecord, now: float) -> bool:
        is_recent = now < self._looked_at.get(run.run_id, 0.0) + WATCHED_SECONDS
        return is_recent and run.cancel_requested_at is None and self._sleep.watches(run)

    def _statuses(
        self, workspace: str, target: str, handles: Collection[JobHandle]
    ) -> Mapping[JobHandle, JobStatus | Exception]:
        try:
            return self._context.backends.get(workspace, target).statuses(handles)
        except Exception as error:  # noqa: BLE001  a plugin's failure on one target must not stop the others
            trouble = error if isinstance(error, AmlError) else TransientBackendError(f"{target}: {error}")
            return dict.fromkeys(handles, trouble)

    def _write(self, runs: dict[str, RunRecord]) -> None:
        """Write what waits; what others wrote beside us comes back with it."""
        try:
            stored = self._step.writes.write()
            runs.update(stored)
            self._held.update(stored)
        except StoreError as error:
            logger.warning("The store cannot be asked now: %s", error)
            for run_id in self._step.writes.unwritten:
                self._put_off(runs[run_id], error)

    def _take_back(self, runs: dict[str, RunRecord], before: Mapping[str, RunRecord]) -> None:
        """Forget what could not be written: such a run is where it was, and is read again."""
        unwritten, lost = self._step.writes.take_unwritten()
        for run_id, stored in unwritten.items():
            runs[run_id] = stored or before[run_id]
            self._held.pop(run_id, None)
        for run_id in lost:
            self._forget(run_id)

    def _is_ours(self, run: RunRecord) -> bool:
        return run.run_id in self._held and run.run_id not in self._step.writes.unwritten

    def _advance(
        self,
        run: RunRecord,
        seen: JobStatus | Exception | None,
        *,
        finalizing: bool = False,
        steps: int = STEPS_A_ROUND,
    ) -> RunRecord:
        if waits(self._step, run):
            return run
        try:
            run = self._steps(run, seen, finalizing=finalizing, steps=steps)
            self._later.pop(run.run_id, None)
            run = self._held[run.run_id] = tell_end(self._step, run)
        except LeaseLostError:
            self._forget(run.run_id)
        except NotYetDoneError as error:
            self._put_off(run, error)
        except TransientBackendError as error:
            self._put_off(run, error)
            run = self._told(self._held.get(run.run_id, run), error)
        except StoreSchemaError:
            self.release()  # the store is a newer version's by now: one of that goes on
            raise
        except StoreError as error:
            logger.warning("The store cannot be asked now: %s", error)
            self._put_off(run, error)
        except Exception as error:  # advance() could not even end the run; the other runs of this driver go on
            logger.exception("Run %s cannot be driven", run.run_id)
            self._put_off(run, error)
        return run

    def _steps(self, run: RunRecord, seen: JobStatus | Exception | None, *, finalizing: bool, steps: int) -> RunRecord:
        """Go on until nothing changes, or the next step wants to know how the job is, or is to come later."""
        for _ in range(steps):
            if _is_finalizing(run) and not finalizing:
                break
            before = run.version
            run = self._held[run.run_id] = advance(self._step, run, seen)
            if run.version == before or _ended(run) or needs_status(run):
                break
            seen = None
        return run

    def _put_off(self, run: RunRecord, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, TransientBackendError) else None
        shortest, longest = RETRY_SECONDS
        if isinstance(error, NotYetDoneError):
            shortest = CLEANED_SECONDS
        now = time.monotonic()
        _, before, since = self._later.get(run.run_id, (0.0, shortest / 2, self._began))  # patience counts, too
        pause = asked or min(longest, before * 2)
        self._later[run.run_id] = (now + pause, pause, since)
        logger.info("Run %s: %s Trying again in %.1f s.", run.run_id, error, pause)

    def _told(self, run: RunRecord, error: Exception) -> RunRecord:
        """Tell of trouble that lasts; no trouble with that stops the other runs."""
        seconds = time.monotonic() - self._later[run.run_id][2]
        if seconds < TELL_SECONDS:
            return run
        try:
            run = self._held[run.run_id] = tell(self._step, run, error, seconds)
        except LeaseLostError:
            self._forget(run.run_id)
        except AmlError as failure:
            logger.warning("Of run %s nothing can be told: %s", run.run_id, failure)
        return run

    def _is_time(self, run: RunRecord) -> bool:
        return self._later.get(run.run_id, (0.0, 0.0, 0.0))[0] <= time.monotonic()

    def _has_news(self, run: RunRecord) -> bool:
        """Say whether there may be events to deliver: ours, or those of a driver that died."""
        return self._delivered.get(run.run_id) != run.version

    def _deliver(self, runs: Collection[RunRecord]) -> None:
        """Hand events to the hooks, then let go of what has ended."""
        if runs:
            from aml_plugins.tasks.delivery import deliver  # noqa: PLC0415  a submitter has its script running before

            driven = {run.run_id: run for run in runs}
            with observing(self._context):
                deliver(self._store, self._context.plugins, driven, driven)
            self._delivered.update((run.run_id, run.version) for run in runs)
        ended = [run.run_id for run in runs if _ended(run)]
        if ended:
            self._store.runs.release(ended, self.owner)
        for run_id in ended:
            self._forget(run_id)


def _turn(run: RunRecord) -> tuple[bool, float]:
    """Ended jobs first: they free slots for those that wait, of which the oldest is first."""
    return not needs_status(run), run.created_at


def _is_finalizing(run: RunRecord) -> bool:
    return run.state == _FINALIZING


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _ended(run: RunRecord) -> bool:
    return run.state in TERMINAL
