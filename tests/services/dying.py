"""Kill a process at a place in its own code."""

from __future__ import annotations

import importlib
import os
import signal
import sys

__all__ = ["die_at"]


def die_at(step: str, when: str, call: int) -> None:
    """Make this process die before or after the n-th call of a function."""
    path, _, name = step.rpartition(".")
    try:
        owner = importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        owner = getattr(importlib.import_module(module), attribute)
    plain, calls = getattr(owner, name), [0]

    def dying(*arguments: object, **named: object) -> object:
        calls[0] += 1
        if when == "before" and calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*arguments, **named)
        if when == "after" and calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)
    for module in list(sys.modules.values()):
        if getattr(module, name, None) is plain:
            setattr(module, name, dying)
