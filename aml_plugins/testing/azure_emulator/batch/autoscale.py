"""Autoscale formulas: the statements, operators, functions and metrics that Microsoft documents."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.text import iso

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.account import Account
    from aml_plugins.testing.azure_emulator.batch.pools import Pool

__all__ = ["FormulaError", "evaluate"]

_LONGEST = 8192
_MOST_STATEMENTS = 100
_OPTIONS = ("requeue", "terminate", "taskcompletion", "retaineddata")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>\"[^\"]*\")|(?P<name>\$?[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/<>!?:()=,.%]))"
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INTERVALS = {
    "Zero": 0.0,
    "100ns": 1e-7,
    "Microsecond": 1e-6,
    "Millisecond": 1e-3,
    "Second": 1.0,
    "Minute": 60.0,
    "Hour": 3600.0,
    "Day": 86400.0,
    "Week": 604800.0,
    "Year": 31536000.0,
}


class FormulaError(Exception):
    """A formula that cannot be evaluated."""


def evaluate(formula: str, pool: Pool, account: Account) -> dict[str, Any]:
    """Return an ``autoScaleRun``: the results, or the error."""
    run: dict[str, Any] = {"timestamp": iso()}
    try:
        values = _Formula(formula, _metrics(pool, account)).run()
    except FormulaError as error:
        return run | {
            "error": {
                "code": "AutoScalingFormulaEvaluationError",
                "message": "The specified autoscaling formula could not be evaluated.",
                "values": [{"name": "Message", "value": str(error)}],
            }
        }
    return run | {"results": ";".join(f"{name}={_shown(value)}" for name, value in values.items())}


def _metrics(pool: Pool, account: Account) -> Mapping[str, float]:
    tasks = [task for task in account.tasks() if account.pool_of(task.job) is pool]
    active = sum(task.nodes_needed for task in tasks if task.state == "active")  # Microsoft: "the number of instances"
    running = sum(task.state in {"running", "preparing"} for task in tasks)
    return {
        "$ActiveTasks": active,
        "$RunningTasks": running,
        "$PendingTasks": active + running,
        "$SucceededTasks": sum(task.succeeded is True for task in tasks),
        "$FailedTasks": sum(task.succeeded is False for task in tasks),
        "$TaskSlotsPerNode": float(pool.body["taskSlotsPerNode"]),
        "$CurrentDedicatedNodes": pool.count(is_dedicated=True),
        "$CurrentLowPriorityNodes": pool.count(is_dedicated=False),
        "$TargetDedicatedNodes": pool.body["targetDedicatedNodes"],
        "$TargetLowPriorityNodes": pool.body["targetLowPriorityNodes"],
        "$PreemptedNodeCount": sum(node.state == "preempted" for node in pool.nodes.values()),
        "$UsableNodeCount": sum(node.is_usable for node in pool.nodes.values()),
        **dict.fromkeys(("$CPUPercent", "$WallClockSeconds", "$MemoryBytes", "$DiskBytes"), 0.0),
    }


def _shown(value: object) -> str:
    if isinstance(value, float):
        return str(round(value)) if abs(value - round(value)) < 1e-9 else f"{value:g}"  # noqa: PLR2004
    return ",".join(map(_shown, value)) if isinstance(value, list) else str(value)


class _Formula:
    """Statements ``name = expression;`` one after the other."""

    def __init__(self, text: str, metrics: Mapping[str, float]) -> None:
        if len(text.encode()) > _LONGEST:
            raise FormulaError("The formula is longer than 8 KB.")
        self._metrics = metrics
        self._values: dict[str, Any] = {}
        self._statements = [part.strip() for part in _COMMENT.sub("", text).split(";") if part.strip()]
        if len(self._statements) > _MOST_STATEMENTS:
            raise FormulaError("The formula has more than 100 statements.")
        self._tokens: list[str] = []
        self._at = 0

    def run(self) -> Mapping[str, Any]:
        for statement in self._statements:
            name, sign, expression = statement.partition("=")
            if not sign or not re.fullmatch(r"\$?[A-Za-z_]\w*", name.strip()):
                raise FormulaError(f"'{statement}' is no assignment.")
            self._assign(name.strip(), self._evaluated(expression))
        order = ("$TargetDedicatedNodes", "$TargetLowPriorityNodes", "$NodeDeallocationOption")
        first = {name: self._values[name] for name in order if name in self._values}
        first.setdefault("$NodeDeallocationOption", "requeue")
        return first | {name: value for name, value in self._values.items() if name not in first}

    def _assign(self, name: str, value: Any) -> None:
        if name in {"$TargetDedicatedNodes", "$TargetLowPriorityNodes"}:
            value = float(max(0, math.floor(_number(value))))
        self._values[name] = value

    def _evaluated(self, expression: str) -> Any:
        matches = list(_TOKEN.finditer(expression))
        self._tokens = [match[0].strip() for match in matches]
        self._at = 0
        if "".join(expression.split()) != "".join("".join(self._tokens).split()):
            raise FormulaError(f"'{expression.strip()}' cannot be understood.")
        value = self._choice()
        if self._at != len(self._tokens):
            raise FormulaError(f"'{self._peek()}' was not expected.")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *signs: str) -> str | None:
        if self._peek() in signs:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            raise FormulaError(f"'{sign}' was expected.")

    def _choice(self) -> Any:
        condition = self._level(0)
        if self._take("?") is None:
            return condition
        first = self._choice()
        self._need(":")
        second = self._choice()
        return first if _number(condition) else second

    def _level(self, level: int) -> Any:
        if level == len(_LEVELS):
            return self._unary()
        value = self._level(level + 1)
        while (sign := self._take(*_LEVELS[level])) is not None:
            value = _pairwise(_OPERATORS[sign], value, self._level(level + 1))
        return value

    def _unary(self) -> Any:
        if self._take("-"):
            return _pairwise(_OPERATORS["-"], 0.0, self._unary())
        if self._take("!"):
            return float(not _number(self._unary()))
        return self._primary()

    def _primary(self) -> Any:
        if self._take("("):
            value = self._choice()
            self._need(")")
            return value
        token = self._peek()
        self._at += 1
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return float(token)
        if token.startswith('"'):
            return token.strip('"')
        if self._take("("):
            return self._call(token, self._arguments())
        if self._take("."):
            return self._method(token)
        return self._named(token)

    def _arguments(self) -> list[Any]:
        found: list[Any] = []
        while self._take(")") is None:
            if found:
                self._need(",")
            found.append(self._choice())
        return found

    def _method(self, metric: str) -> Any:
        method = self._peek()
        self._at += 1
        self._need("(")
        arguments = self._arguments()
        value = float(self._named(metric))
        if method == "GetSample":
            # The emulator remembers no history: it samples now, as often as was asked for.
            asked = arguments[0] if arguments and isinstance(arguments[0], float) else 1.0
            return [value] * (int(asked) if asked < _INTERVALS["Second"] + 30 else 1)
        if method == "GetSamplePercent":
            return 100.0
        if method == "Count":
            return 1.0
        if method == "GetSamplePeriod":
            return 30.0
        raise FormulaError(f"'{method}' is no method of {metric}.")

    def _named(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self._metrics:
            return float(self._metrics[name])
        if name in _OPTIONS:
            return name
        if name.startswith("TimeInterval_") and name.removeprefix("TimeInterval_") in _INTERVALS:
            return _INTERVALS[name.removeprefix("TimeInterval_")]
        raise FormulaError(f"'{name}' is not a variable." if name else "The expression is not complete.")

    def _call(self, name: str, arguments: Sequence[Any]) -> Any:
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise FormulaError(f"'{name}' is not a function.")
        try:
            return function(*arguments)
        except (TypeError, ValueError, ZeroDivisionError, IndexError) as error:
            raise FormulaError(f"{name}: {error}") from None


def _number(value: Any) -> float:
    if isinstance(value, list):
        if not value:
            raise FormulaError("A list without samples is no number.")
        return _number(value[-1])
    if not isinstance(value, float | int):
        raise FormulaError(f"'{value}' is no number.")
    return float(value)


def _pairwise(operator: Callable[[float, float], float], first: Any, second: Any) -> Any:
    try:
        if isinstance(first, list) and isinstance(second, list):
            return [operator(a, b) for a, b in zip(first, second, strict=False)]
        if isinstance(first, list):
            return [operator(a, _number(second)) for a in first]
        if isinstance(second, list):
            return [operator(_number(first), b) for b in second]
        return operator(_number(first), _number(second))
    except ZeroDivisionError:
        raise FormulaError("A number was divided by zero.") from None


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "&&": lambda a, b: float(bool(a) and bool(b)),
    "||": lambda a, b: float(bool(a) or bool(b)),
}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))


def _flat(values: Sequence[Any]) -> list[float]:
    return [_number(item) for value in values for item in (value if isinstance(value, list) else [value])]


def _std(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "avg": lambda *values: sum(_flat(values)) / len(_flat(values)),
    "len": lambda values: float(len(values)) if isinstance(values, list) else 1.0,
    "max": lambda *values: max(_flat(values)),
    "min": lambda *values: min(_flat(values)),
    "sum": lambda *values: sum(_flat(values)),
    "std": lambda *values: _std(_flat(values)),
    "norm": lambda *values: math.sqrt(sum(value**2 for value in _flat(values))),
    "percentile": lambda values, percent: _percentile(_flat([values]), _number(percent)),
    "lg": lambda value: math.log2(_number(value)),
    "ln": lambda value: math.log(_number(value)),
    "log": lambda value: math.log10(_number(value)),
    "rand": lambda: random.random(),  # noqa: S311, PLW0108  a formula's, typed
    "range": lambda *values: max(_flat(values)) - min(_flat(values)),
    "stop": lambda: 0.0,
    "val": lambda values, index: _flat([values])[int(index)],
    "time": lambda *_: __import__("time").time(),
}
