"""From an exception to a sentence on standard error and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import click

from aml_plugins.errors import AmlError

__all__ = ["INTERRUPTED", "exit_code_of"]

INTERRUPTED = 130
UNEXPECTED = 1


def exit_code_of(error: BaseException) -> int:
    """Say what happened, and return the exit code that goes with it."""
    if isinstance(error, (click.exceptions.Exit, SystemExit)):
        return _plain_exit(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return _say("Interrupted.", INTERRUPTED)
    if isinstance(error, AmlError):
        return _say(f"Error: {error}", error.exit_code)
    return _reader_left() if isinstance(error, BrokenPipeError) else _unexpected(error)


def _plain_exit(error: click.exceptions.Exit | SystemExit) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    return error.code if isinstance(error.code, int) else UNEXPECTED


def _reader_left() -> int:
    """Nothing to say, and nowhere to say it; Python must not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _unexpected(error: BaseException) -> int:
    if os.environ.get("AML_DEBUG"):
        traceback.print_exception(error)
    hint = "This is a defect of ours. Set AML_DEBUG=1 to see where it comes from."
    return _say(f"Error: {type(error).__name__}: {error}\n{hint}", UNEXPECTED)


def _say(sentence: str, code: int) -> int:
    click.echo(sentence, err=True)
    return code
