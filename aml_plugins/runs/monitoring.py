"""See to it that somebody drives what nobody waits for: a monitor of its own, started when it is needed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError
from aml_plugins.runs.reconciliation.reach import is_within_reach
from aml_plugins.runs.states import RunState
from aml_plugins.store.leases import owner_is_dead

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.runs.reconciliation.driver import Driver
    from aml_plugins.store.records import RunRecord

__all__ = ["ensure_driven", "ensure_monitor", "going_on", "hand_over", "single_monitor"]


def ensure_driven(context: Context, runs: Sequence[RunRecord]) -> None:
    """Start a monitor where one of the runs has not ended and has no driver."""
    alone = [run for run in runs if not RunState(run.state).is_terminal and not _is_driven(run)]
    if any(is_within_reach(context, run) for run in alone):
        ensure_monitor(context)


def ensure_monitor(context: Context) -> None:
    """Start ``aml monitor --until-idle`` in the background unless one runs; ``AML_AUTO_MONITOR=0`` leaves it to you.

    It ends by itself with the last run.
    """
    if os.environ.get("AML_AUTO_MONITOR", "1") == "0":
        return
    with single_monitor(context) as free:
        pass
    if not free:
        return
    command = [sys.executable, "-m", "aml_plugins.cli", "monitor", "--single", "--until-idle"]
    with _log_file(context).open("ab") as log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # Not as an argument: every user of the machine sees those, and the URI may hold a password.
            env={**os.environ, "AML_HOME": str(context.home), "AML_STORE_URI": context.store.uri},
        )


def hand_over(context: Context, driver: Driver, run_id: str) -> None:
    """Let a monitor go on with what this driver drove; where the store is away, whoever looks next does."""
    with suppress(AmlError):
        driver.release()
        record = context.store.runs.find(run_id)
        if record is not None:
            ensure_driven(context, [record])


@contextmanager
def going_on(context: Context, words: str) -> Iterator[None]:
    """Wait in the block for what a monitor goes on with where Ctrl-C ends the wait.

    :param words: what to say then, where the interruption is shown, as in a notebook.
    :raises KeyboardInterrupt: with these words; one that has words already stays as it is.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        if interruption.args:
            raise
        with suppress(AmlError):
            ensure_monitor(context)
        raise KeyboardInterrupt(words) from None


@contextmanager
def single_monitor(context: Context) -> Iterator[bool]:
    """Hold the place of the store's one automatic monitor on this machine; yields False where it is taken."""
    path = _place(context)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _place(context: Context) -> Path:
    name = hashlib.sha256(context.store.uri.encode()).hexdigest()[:16]
    return context.home / "monitors" / f"{name}.lock"


def _log_file(context: Context) -> Path:
    return _place(context).with_suffix(".log")


def _is_driven(run: RunRecord) -> bool:
    """Say whether somebody seems to drive it: a hint by this machine's clock, to start no monitor in vain.

    Who may drive a run is decided by the store, which compares leases with a clock of its own.
    """
    if run.lease_owner is None or (run.lease_until or 0.0) < time.time():
        return False
    return not owner_is_dead(run.lease_owner)
