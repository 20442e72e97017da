"""From an exception to a sentence on standard error and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback

import click

from aml_plugins.errors import AmlError, InvalidInputError

__all__ = ["INTERRUPTED", "exit_code_of"]

INTERRUPTED = 130
UNEXPECTED = 1

_REMEDIES = {
    errno.ENOSPC: "Free some space there, or use another place.",
    errno.EDQUOT: "Free some space there, or raise the quota.",
    errno.EACCES: "Give your user the right to it, or use another place.",
    errno.EPERM: "Give your user the right to it, or use another place.",
    errno.EROFS: "Use a place that can be written to.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n",
}


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
    if isinstance(error, BrokenPipeError):
        return _reader_left()
    return _outside(error) or _unexpected(error)


def _plain_exit(error: click.exceptions.Exit | SystemExit) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    return error.code if isinstance(error.code, int) else UNEXPECTED


def _reader_left() -> int:
    """Nothing to say, and nowhere to say it; Python must not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _outside(error: BaseException) -> int:
    """Say what the machine refused, or which argument no text can hold; 0 where it is neither."""
    if isinstance(error, UnicodeEncodeError) and any("\ud800" <= each <= "\udfff" for each in error.object):
        shown = error.object.encode("utf-8", "backslashreplace").decode()
        return _say(f"Error: '{shown}' is not UTF-8. Give it another name.", InvalidInputError.exit_code)
    if not isinstance(error, OSError) or error.strerror is None:
        return 0
    if error.errno == errno.ENOSPC and error.filename is None:
        _reader_left()  # where standard output is what is full, Python must not try again when it ends
    places = [os.fsdecode(name) for name in (error.filename2 or error.filename,) if isinstance(name, (str, bytes))]
    what = ": ".join([error.strerror, *places])
    if os.environ.get("AML_DEBUG"):
        traceback.print_exception(error)
    return _say(f"Error: {what}. {_REMEDIES.get(error.errno or 0, 'Check that path.')}", UNEXPECTED)


def _unexpected(error: BaseException) -> int:
    if os.environ.get("AML_DEBUG"):
        traceback.print_exception(error)
    hint = "This is a defect of ours. Set AML_DEBUG=1 to see where it comes from."
    return _say(f"Error: {type(error).__name__}: {error}\n{hint}", UNEXPECTED)


def _say(sentence: str, code: int) -> int:
    click.echo(sentence, err=True)
    return code
