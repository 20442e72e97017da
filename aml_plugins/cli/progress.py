"""A progress line for people who wait: the run's state, redrawn in place; nothing where output is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.runs.run import Run

__all__ = ["show_progress"]


@contextmanager
def show_progress(run: Run, *, quiet: bool = False) -> Iterator[None]:
    """Show a spinner with the run's state below its output while the block runs."""
    if quiet or not sys.stderr.isatty() or run.record is None:
        yield
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"{run.record.script} on {run.record.target}: {run.record.state}"):
        yield
