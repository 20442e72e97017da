"""Call plugins one by one, so that one that fails takes nobody with it."""

from __future__ import annotations

import inspect
import reprlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from aml_plugins.plugins.verification import accepted_arguments

__all__ = ["FAILURES", "HookCalls"]

FAILURES = (Exception, SystemExit)
"""What of a plugin we survive. Ctrl-C is the user's and passes."""


class HookCalls:
    """Calls the implementations of hooks.

    :param trace: print each call to standard error.
    """

    def __init__(self, manager: pluggy.PluginManager, *, trace: bool) -> None:
        self._manager = manager
        self._trace = trace

    def turns(self, hook: str) -> Sequence[pluggy.HookImpl]:
        """Return the implementations of a hook, in the order of their turn."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller.get_hookimpls()[::-1]  # pluggy keeps the one whose turn is last in front

    def call(self, hook: str, turn: pluggy.HookImpl, arguments: Mapping[str, object]) -> Any:
        """Call one plugin's implementation with the arguments it takes.

        Not through pluggy's own call, whose first failing plugin ends the turn of all the others.
        """
        accepted = accepted_arguments(turn.function, frozenset(arguments))
        started = time.perf_counter()
        result = turn.function(**{name: arguments[name] for name in accepted})
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("it returned a coroutine, which nobody would await")
        if self._trace:
            self._print(hook, turn.plugin_name, arguments, result, time.perf_counter() - started)
        return result

    def _print(self, hook: str, plugin: str, arguments: Mapping[str, object], result: object, seconds: float) -> None:
        given = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
        line = f"aml_plugins: {hook}({given}) {plugin} -> {_short(result)} {seconds * 1000:.1f} ms\n"
        sys.stderr.write(line)


def _short(value: object) -> str:
    """Show a value without what may be secret in it: the settings of a run, the values of variables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(map(str, value)) + "}"
    for field in ("run_id", "task_id"):
        if hasattr(value, field):
            return f"<{type(value).__name__} {getattr(value, field)}>"
    return reprlib.repr(value)
