"""A progress line for people who wait: the run's state, redrawn in place; elsewhere a line for what it waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aml_plugins.datastores.transfer import Transfer
    from aml_plugins.runs.run import Run
    from aml_plugins.store.records import RunRecord

__all__ = ["show_progress", "snapshot_progress", "told_once", "transfer_progress"]


@contextmanager
def show_progress(run: Run, *, quiet: bool = False) -> Iterator[Callable[[RunRecord], None]]:
    """Show a spinner below the run's output while the block runs; yield what tells it of a change of state."""
    if quiet or run.record is None:
        yield lambda _record: None
        return
    if not sys.stderr.isatty():
        yield told_once()
        return
    from rich.console import Console

    with Console(stderr=True).status(_line(run.record)) as status:
        yield lambda record: status.update(_line(record))


def _line(record: RunRecord) -> str:
    return f"{record.script} on {record.target}: {record.state}" + (f". {why}" if (why := _waiting_for(record)) else "")


def told_once() -> Callable[[RunRecord], None]:
    """Return what prints a line where a run begins to wait for something; those who read a log need no more.

    A target that does not answer is told of once, whatever the words, and when it answers again.
    """
    from aml_plugins.runs.reconciliation.trouble import Trouble, trouble_of
    from aml_plugins.runs.states import RunState

    said = ""
    trouble: Trouble | None = None

    def tell(record: RunRecord) -> None:
        nonlocal said, trouble
        earlier, trouble = trouble, trouble_of(record)
        if trouble and earlier:
            return
        before, said = said, _waiting_for(record)
        if said and said != before:
            click.echo(said, err=True)
        elif earlier and not RunState(record.state).is_terminal:
            click.echo(earlier.end, err=True)

    return tell


def _waiting_for(record: RunRecord) -> str:
    from aml_plugins.runs.reconciliation.trouble import trouble_of
    from aml_plugins.runs.states import RunState

    state = RunState(record.state)
    if not state.is_terminal and (trouble := trouble_of(record)):
        return str(trouble)
    return "" if state.is_terminal or state is RunState.FINALIZING else record.reason or ""


@contextmanager
def snapshot_progress(*, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Show files and megabytes while a snapshot is taken; yield what a submission reports to."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("Submitting") as status:
        yield lambda files, size: status.update(f"Snapshot: {files} files, {size / 1e6:.1f} MB")


@contextmanager
def transfer_progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[Transfer], None] | None]:
    """Show a bar of bytes while files are moved; yield what a transfer reports to."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda state: bar.update(task, total=state.bytes, completed=state.bytes_done)
