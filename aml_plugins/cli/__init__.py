"""The ``aml`` command line. Every file imports what it needs when it runs (design.md, 4.12)."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run ``aml``; the version is answered before anything is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from aml_plugins._version import __version__

        print(f"aml {__version__}")  # noqa: T201  this is the output
        return
    # Hundreds of modules make objects that stay: looking for rubbish among them takes a tenth of a command's time.
    gc.set_threshold(200_000)
    _open_closed_streams()
    if sys.argv[1:2] != ["server"]:
        from aml_plugins.cli.left_out import leave_out

        leave_out()
    try:
        from aml_plugins.cli.app import run

        code = run(sys.argv[1:])
        import signal

        # What came of it has been said. Python would yet end by a signal that comes while it tidies up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:  # while the imports above went on: nothing had begun
        sys.stderr.write("\nInterrupted.\n")
        code = 130
    sys.exit(code)


def _open_closed_streams() -> None:
    """Let what is opened next, such as a database, not become the standard output of a caller that closed its own."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the one that was closed
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))
