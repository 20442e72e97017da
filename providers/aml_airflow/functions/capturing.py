"""Capture a function's source, with what it uses of its own file, so that it runs where that file is not."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["CapturingError", "capture"]

_ALREADY_THERE = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__annotations__"})


class CapturingError(Exception):
    """A function cannot travel. The sentence says why, and what to do."""


def capture(function: Callable[..., Any]) -> str:
    """Return a module's text that defines the function, and nothing of its file that it does not use.

    Modules and names from modules become imports; functions and classes of the same file come along as they are
    written, without their decorators' ``@task``; constants come along where they are plain values.

    :raises CapturingError: for a function without source, and for what it uses and cannot be taken along.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise CapturingError("A task needs a function that was written with 'def', in a file.")
    module = _Module(function.__module__)
    module.add_definition(function.__name__, function, function.__name__)
    return module.text()


class _Module:
    """What was captured so far, in the order in which Python has to see it."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._parts: dict[str, str] = {}
        self._imports: dict[str, str] = {}

    def text(self) -> str:
        parts = ["from __future__ import annotations", *self._imports.values(), *self._parts.values()]
        return "\n\n".join(parts) + "\n"

    def add_definition(self, name: str, thing: Any, user: str) -> None:
        """Add a function or class of the same file, after what it uses."""
        if name in self._parts:
            return
        self._parts[name] = ""  # it may use itself
        source = _source(thing, user)
        for used, value in _used(thing, source):
            self._add(used, value, name)
        del self._parts[name]
        self._parts[name] = source

    def _add(self, name: str, value: Any, user: str) -> None:
        if name in self._imports or name in _ALREADY_THERE:
            return
        wrapped = getattr(value, "function", None) if getattr(value, "_airflow_is_task_decorator", False) else None
        value = value if wrapped is None else wrapped
        module = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            self._import_module(name, value)
        elif isinstance(value, FunctionType | type) and module == self._home:
            self.add_definition(value.__name__, value, user)
            if value.__name__ != name:
                self._parts.setdefault(name, f"{name} = {value.__name__}")
        elif isinstance(module, str) and getattr(sys.modules.get(module), str(_name_of(value)), None) is value:
            alias = f" as {name}" if _name_of(value) != name else ""
            self._imports[name] = f"from {module} import {_name_of(value)}{alias}"
        else:
            self._parts.setdefault(name, f"{name} = {_plain(name, value, user)}")

    def _import_module(self, name: str, module: ModuleType) -> None:
        path = module.__name__
        self._imports[name] = f"import {path}" if path == name else f"import {path} as {name}"


def _name_of(value: Any) -> Any:
    return getattr(value, "__name__", None)


def _source(thing: Any, user: str) -> str:
    """Return the definition, without decorators that belong to Airflow."""
    try:
        text = textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        raise CapturingError(f"The source of '{_name_of(thing)}', which '{user}' uses, is in no file.") from None
    node = ast.parse(text).body[0]
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        raise CapturingError(f"'{_name_of(thing)}' is no plain function; write it with 'def', not 'async def'.")
    decorators = "".join(
        f"@{ast.get_source_segment(text, decorator)}\n"
        for decorator in node.decorator_list
        if not _is_airflows(decorator)
    )
    return decorators + "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])


def _is_airflows(decorator: ast.expr) -> bool:
    """Say whether a decorator makes a task: ``@task…``, ``@aml_task``, ``@setup``, ``@teardown``, called or not."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in {"task", "aml_task", "setup", "teardown", "result"}


def _used(thing: Any, source: str) -> Iterator[tuple[str, Any]]:
    """Yield each name from outside that a function or class uses, with its value."""
    if isinstance(thing, FunctionType):
        outside: Mapping[str, Any] = {**thing.__globals__, **_closed_over(thing)}
    else:
        outside = vars(sys.modules[thing.__module__])
    code = compile(f"from __future__ import annotations\n{source}", "<captured>", "exec")
    for name in sorted(set(_names(code))):
        if name in outside and not (hasattr(builtins, name) and outside[name] is getattr(builtins, name)):
            yield name, outside[name]


def _closed_over(function: FunctionType) -> Mapping[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}


def _names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _plain(name: str, value: Any, user: str) -> str:
    """Return the value as Python text."""
    text = repr(value)
    try:
        json.dumps(value)
        plain = ast.literal_eval(text) == value
    except (TypeError, ValueError, SyntaxError, RecursionError):
        plain = False
    if plain:
        return text
    raise CapturingError(
        f"'{user}' uses '{name}', a {type(value).__name__}, which cannot travel. "
        f"Make it inside of '{user}', or give it as an argument."
    )
