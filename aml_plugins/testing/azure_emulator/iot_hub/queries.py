"""IoT Hub's query language, as far as conditions of deployments and looks at twins need it.

Source: learn.microsoft.com/azure/iot-hub/iot-hub-devguide-query-language. Joins, groups and functions other than
``is_defined`` are missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Query", "QueryError", "parse_condition", "parse_query"]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>!=|<>|<=|>=|[=<>(),*\]]"
    r"|\[(?!\[))|(?P<word>(?:[$\w]+|\[\[[^\]]+\]\])(?:\.(?:[$\w]+|\[\[[^\]]+\]\]))*))"
)
_PART = re.compile(r"\[\[([^\]]+)\]\]|([$\w]+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_MISSING = object()

Twin = Mapping[str, Any]
Condition = Callable[[Twin], bool]


class QueryError(ValueError):
    """A query that is none."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is selected from where.

    :param columns: names and paths; empty for whole twins.
    :param source: ``devices`` or ``devices.modules``.
    """

    columns: Sequence[tuple[str, Sequence[str]]]
    source: str
    condition: Condition

    def selected(self, twin: Twin) -> Any:
        """Return what the query shows of a twin."""
        if not self.columns:
            return twin
        found = {name: _value(twin, path) for name, path in self.columns}
        return {name: value for name, value in found.items() if value is not _MISSING}


def parse_query(text: str) -> Query:
    """Read ``SELECT … FROM … [WHERE …]``.

    :raises QueryError: where it is not that.
    """
    words = _Words(text)
    words.expect("select")
    columns = _columns(words)
    words.expect("from")
    source = words.next().lower()
    if source not in {"devices", "devices.modules"}:
        raise QueryError(f"cannot select from {source}")
    condition = _any_of(words) if words.take("where") else lambda _twin: True
    words.end()
    return Query(columns, source, condition)


def parse_condition(text: str) -> Condition:
    """Read a target condition; ``*`` is everything, and nothing is nothing.

    :raises QueryError: where it is none.
    """
    if text.strip() in {"", "*"}:
        return lambda _twin: bool(text.strip())
    words = _Words(text)
    condition = _any_of(words)
    words.end()
    return condition


class _Words:
    """What is left of a query."""

    def __init__(self, text: str) -> None:
        self._left: list[str] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise QueryError(f"not understood: {text[place : place + 20]}")
            self._left.append(match.group().strip())
            place = match.end()

    def take(self, *wanted: str) -> str | None:
        """Go on if the next word is one of these."""
        if self._left and self._left[0].lower() in wanted:
            return self._left.pop(0)
        return None

    def expect(self, wanted: str) -> None:
        if self.take(wanted) is None:
            raise QueryError(f"'{wanted}' is missing")

    def next(self) -> str:
        if not self._left:
            raise QueryError("it ends too early")
        return self._left.pop(0)

    def end(self) -> None:
        if self._left:
            raise QueryError(f"not understood: {self._left[0]}")


def _columns(words: _Words) -> list[tuple[str, Sequence[str]]]:
    if words.take("*"):
        return []
    found: list[tuple[str, Sequence[str]]] = []
    while True:
        path = _path(words.next())
        found.append((words.next() if words.take("as") else path[-1], path))
        if not words.take(","):
            return found


def _any_of(words: _Words) -> Condition:
    parts = [_all_of(words)]
    while words.take("or"):
        parts.append(_all_of(words))
    return lambda twin: any(part(twin) for part in parts)


def _all_of(words: _Words) -> Condition:
    parts = [_one(words)]
    while words.take("and"):
        parts.append(_one(words))
    return lambda twin: all(part(twin) for part in parts)


def _one(words: _Words) -> Condition:
    if words.take("not"):
        inner = _one(words)
        return lambda twin: not inner(twin)
    if words.take("("):
        inner = _any_of(words)
        words.expect(")")
        return inner
    if words.take("is_defined"):
        words.expect("(")
        path = _path(words.next())
        words.expect(")")
        return lambda twin: _value(twin, path) is not _MISSING
    return _comparison(words)


def _comparison(words: _Words) -> Condition:
    path = _path(words.next())
    if words.take("in"):
        words.expect("[")
        values = [_literal(words.next())]
        while words.take(","):
            values.append(_literal(words.next()))
        words.expect("]")
        return lambda twin: _value(twin, path) in values
    compare = _COMPARISONS.get(mark := words.next())
    if compare is None:
        raise QueryError(f"not understood: {mark}")
    right = words.next()
    other = None if right[0] in "'\"" or not re.match(r"[$a-z_]", right, re.IGNORECASE) else _path(right)
    literal = _literal(right) if other is None or right.lower() in {"true", "false", "null"} else None

    def holds(twin: Twin) -> bool:
        left = _value(twin, path)
        wanted = _value(twin, other) if other is not None and literal is None else literal
        if _MISSING in (left, wanted):
            return False
        try:
            return compare(left, wanted)
        except TypeError:
            return False

    return holds


def _literal(word: str) -> Any:
    if word[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    lowered = word.lower()
    if lowered in {"true", "false"}:
        return lowered == "true"
    if lowered == "null":
        return None
    try:
        return float(word) if "." in word else int(word)
    except ValueError:
        raise QueryError(f"not a value: {word}") from None


def _path(word: str) -> list[str]:
    found = [escaped or plain for escaped, plain in _PART.findall(word)]
    if not found:
        raise QueryError(f"not a property: {word}")
    return found


def _value(twin: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(twin, Mapping) or name not in twin:
            return _MISSING
        twin = twin[name]
    return twin
