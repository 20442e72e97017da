"""Lines of an ignore file, with git's meaning: what git does not match, we do not match.

Written out because a directory that stays behind is never entered, so each path is judged by itself, as git does it;
`pathspec` judges a path together with its parents and differs from git on such files as ``*``, ``!*/``, ``!*.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Rule", "parse_rules"]

POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class _NeverMatchesError(Exception):
    """The pattern is malformed; git lets it match nothing, silently."""


class Rule(NamedTuple):
    """One line.

    :param keeps: the line began with ``!``.
    :param directories_only: the line ended with ``/``.
    """

    expression: re.Pattern[str]
    keeps: bool
    directories_only: bool


def parse_rules(text: str) -> list[Rule]:
    """Return the rules of an ignore file, the last line first: the first that matches decides."""
    return list(_rules(text))[::-1]


def _rules(text: str) -> Iterator[Rule]:
    for raw in text.split("\n"):
        line = _without_trailing_spaces(raw.removesuffix("\r"))
        if line.startswith("#"):
            continue
        keeps = line.startswith("!")
        body = line[keeps:]
        directories_only = body.endswith("/")
        body = body[:-1] if directories_only else body
        if body:
            try:
                expression = _expression(body)
            except _NeverMatchesError:
                continue
            yield Rule(expression=expression, keeps=keeps, directories_only=directories_only)


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    escapes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if escapes % 2 and bare != line else bare


def _expression(pattern: str) -> re.Pattern[str]:
    """Return what a path, without a ``/`` at its end, must match as a whole."""
    anchored = "/" in pattern
    pattern = pattern.removeprefix("/")
    parts = [] if anchored else ["(?:.*/)?"]
    at = 0
    while at < len(pattern):
        part, at = _part(pattern, at, paths=anchored)
        parts.append(part)
    return re.compile("".join(parts), re.DOTALL)


def _part(pattern: str, at: int, *, paths: bool) -> tuple[str, int]:
    """Return the expression for what begins at a place, and where the next thing begins."""
    character = pattern[at]
    if character == "*":
        return _stars(pattern, at, paths=paths)
    if character == "?":
        return "[^/]", at + 1
    if character == "[":
        return _bracket(pattern, at + 1)
    if character == "\\":
        return re.escape(_character(pattern, at + 1)), at + 2
    return re.escape(character), at + 1


def _stars(pattern: str, at: int, *, paths: bool) -> tuple[str, int]:
    end = at
    while pattern[end : end + 1] == "*":
        end += 1
    whole = (at == 0 or pattern[at - 1] == "/") and pattern[end : end + 1] in {"", "/"}
    if not (paths and whole and end - at > 1):
        return "[^/]*", end
    return (".*", end) if end == len(pattern) else ("(?:.*/)?", end + 1)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern[at : at + 1] in {"!", "^"}
    at, start = at + negated, at + negated
    members = ""
    while (character := _character(pattern, at)) != "]" or at == start:
        if character == "[" and pattern[at + 1 : at + 2] == ":" and (close := pattern.find(":]", at + 2)) > 0:
            members += _posix_class(pattern[at + 2 : close])
            at = close + 2
            continue
        low, at = _bracket_character(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in {"]", ""}:
            high, at = _bracket_character(pattern, at + 1)
        if low <= high:
            members += f"{re.escape(low)}-{re.escape(high)}"
    if not members:
        return ("[^/]" if negated else "(?!)"), at + 1
    return f"(?!/)[{'^' if negated else ''}{members}]", at + 1


def _posix_class(name: str) -> str:
    if name not in POSIX_CLASSES:
        raise _NeverMatchesError
    return POSIX_CLASSES[name]


def _bracket_character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\":
        return _character(pattern, at + 1), at + 2
    return pattern[at], at + 1


def _character(pattern: str, at: int) -> str:
    if at >= len(pattern):
        raise _NeverMatchesError
    return pattern[at]
