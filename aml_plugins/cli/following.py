"""Follow what goes on from the command line: whoever stops looking leaves it in good hands."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from aml_plugins.cli.failures import INTERRUPTED

if TYPE_CHECKING:
    from aml_plugins.runs.run import Run
    from aml_plugins.workspace import Workspace

__all__ = ["INTERRUPTED", "ends_as_interruption", "handing_over", "left_to_a_monitor"]


@contextmanager
def handing_over(run: Run, parting: str) -> Iterator[None]:
    """Drive a run in the block; left early, by Ctrl-C, a closed terminal or a closed pipe, a monitor goes on.

    :param parting: what to say to those who interrupt.
    """
    try:
        with ends_as_interruption():
            yield
    except KeyboardInterrupt as interruption:
        if not interruption.args:  # where there are words, wait_for_completion() has handed it over
            _hand_over(run)
        with suppress(OSError):  # the terminal may be what ended us
            click.echo(f"\nInterrupted; {parting}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except BaseException:
        _hand_over(run)
        raise


@contextmanager
def left_to_a_monitor(workspace: Workspace, parting: Callable[[], str]) -> Iterator[None]:
    """Wait for an image or a service in the block; where that is interrupted, a monitor goes on.

    :param parting: what to say to those who interrupt.
    """
    try:
        with ends_as_interruption():
            yield
    except KeyboardInterrupt as interruption:
        if not interruption.args:  # where there are words, the wait has left it to a monitor
            from aml_plugins.runs.monitoring import ensure_monitor

            ensure_monitor(workspace.context)
        with suppress(OSError):  # the terminal may be what ended us
            click.echo(f"\nInterrupted; {parting()}", err=True)
        raise SystemExit(INTERRUPTED) from None


def _hand_over(run: Run) -> None:
    from aml_plugins.runs.monitoring import hand_over

    hand_over(run.workspace.context, run.workspace.driver, run.id)


@contextmanager
def ends_as_interruption() -> Iterator[None]:
    """Take a request to end, or a closed terminal, for Ctrl-C."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
