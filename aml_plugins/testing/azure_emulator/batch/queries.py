"""``$filter``, ``$select``, ``maxresults`` and the links to further pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.filterable import refusal

__all__ = ["filtered_paths", "matcher", "page", "selected"]

Body = Mapping[str, Any]
Test = Callable[[Body], bool]

PAGE = 1000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>(?:datetime|guid)'[^']*'|[\w./@$-]+)|(?P<sign>[(),]))", re.IGNORECASE
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "lt": lambda a, b: a is not None and bool(a < b),
    "le": lambda a, b: a is not None and bool(a <= b),
    "gt": lambda a, b: a is not None and bool(a > b),
    "ge": lambda a, b: a is not None and bool(a >= b),
}


def matcher(text: str | None, kind: str = "") -> Test:
    """Return what a ``$filter`` means.

    :param kind: the list, as its metadata name it.
    :raises BatchProblem: where it is none, or the list cannot be filtered like that.
    """
    if not text:
        return lambda _: True
    return _Filter(text, kind).parse()


def filtered_paths(text: str | None) -> list[str]:
    """Return the properties that a ``$filter`` names.

    :raises BatchProblem: where it is none.
    """
    if not text:
        return []
    parsed = _Filter(text)
    parsed.parse()
    return parsed.paths


class _Filter:
    """A recursive descent over OData's comparisons."""

    def __init__(self, text: str, kind: str = "") -> None:
        self.paths: list[str] = []
        self._kind = kind
        self._tokens = [match[0].strip() for match in _TOKEN.finditer(text)]
        if "".join(self._tokens).replace(" ", "") != text.replace(" ", ""):
            raise _wrong(text)
        self._text = text
        self._at = 0

    def parse(self) -> Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise _wrong(self._text)
        return test

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self, wanted: str | None = None) -> str:
        token = self._peek()
        if not token or (wanted is not None and token != wanted):
            raise _wrong(self._text)
        self._at += 1
        return token

    def _either(self) -> Test:
        test = self._both()
        while self._peek() == "or":
            self._next()
            test = _or(test, self._both())
        return test

    def _both(self) -> Test:
        test = self._one()
        while self._peek() == "and":
            self._next()
            test = _and(test, self._one())
        return test

    def _one(self) -> Test:
        token = self._next()
        if token == "not":  # noqa: S105  a word of the language
            inner = self._one()
            return lambda body: not inner(body)
        if token == "(":  # noqa: S105  likewise
            inner = self._either()
            self._next(")")
            return inner
        return self._function(token) if self._peek() == "(" else self._comparison(token)

    def _function(self, name: str) -> Test:
        if name != "startswith":
            raise _wrong(self._text)
        self._next("(")
        path = self._path(self._next(), name)
        self._next(",")
        start = str(_literal(self._next())).lower()
        self._next(")")
        return lambda body: str(_value(body, path) or "").lower().startswith(start)

    def _comparison(self, path: str) -> Test:
        sign = self._next()
        compare = _COMPARISONS.get(sign)
        if compare is None:
            raise _wrong(self._text)
        self._path(path, sign)
        wanted = _literal(self._next())
        return lambda body: compare(_alike(_value(body, path), wanted), wanted)

    def _path(self, path: str, sign: str) -> str:
        self.paths.append(path)
        why = refusal(self._kind, path, sign)
        if why:
            raise _wrong(self._text, why)
        return path


def _wrong(text: str, why: str = "The filter cannot be understood") -> BatchProblem:
    return BatchProblem(
        "InvalidQueryParameterValue", QueryParameterName="$filter", QueryParameterValue=text, Reason=why
    )


def _and(first: Test, second: Test) -> Test:
    return lambda body: first(body) and second(body)


def _or(first: Test, second: Test) -> Test:
    return lambda body: first(body) or second(body)


def _literal(token: str) -> Any:
    quoted = re.fullmatch(r"(?:datetime|guid)?'(.*)'", token, re.DOTALL | re.IGNORECASE)
    if quoted:
        return quoted[1].replace("''", "'").lower()
    if token in {"true", "false", "null"}:
        return {"true": True, "false": False, "null": None}[token]
    if re.fullmatch(r"-?\d+(\.\d+)?", token):
        return float(token)
    return token.lower()


def _alike(value: Any, wanted: Any) -> Any:
    """Words compare without case; a value of another type than the literal is as good as none."""
    if isinstance(value, str):
        return value.lower()
    if wanted is not None and not isinstance(value, bool) and isinstance(value, int | float):
        return float(value)
    return value


def _value(body: Body, path: str) -> Any:
    value: Any = body
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def selected(body: Body, select: str | None) -> dict[str, Any]:
    """Return what ``$select`` leaves of a resource."""
    if not select:
        return dict(body)
    found: dict[str, Any] = {}
    wanted = [name.strip().split("/") for name in select.split(",")]
    for name, value in body.items():
        inner = [path[1:] for path in wanted if path[0] == name]
        if not inner:
            continue
        whole = any(not path for path in inner) or not isinstance(value, Mapping)
        found[name] = value if whole else selected(value, ",".join("/".join(path) for path in inner))
    return found


def page(bodies: Sequence[Body], query: Mapping[str, str], name: str = "id") -> tuple[list[Body], str | None]:
    """Return one page and the token of the next; ``name`` is the property by which they are sorted."""
    size = _size(query.get("maxresults"))
    token = query.get("$skiptoken")
    ordered = sorted(bodies, key=lambda body: str(body[name]).lower())
    if token:
        after = _after(token)
        ordered = [body for body in ordered if str(body[name]).lower() > after]
    shown = ordered[:size]
    if len(ordered) <= size:
        return shown, None
    last = str(shown[-1][name]).lower()
    return shown, "WATV2:" + base64.urlsafe_b64encode(last.encode()).decode()


def _after(token: str) -> str:
    try:
        return base64.b64decode(token.removeprefix("WATV2:"), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise BatchProblem(
            "InvalidQueryParameterValue", QueryParameterName="$skiptoken", QueryParameterValue=token,
            Reason="It is not one of a link to a further page",
        ) from None  # fmt: skip


def _size(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isdigit() or not 0 < int(text) <= PAGE:
        raise BatchProblem(
            "OutOfRangeInput",
            QueryParameterName="maxresults",
            QueryParameterValue=text,
            MinimumAllowed="1",
            MaximumAllowed=str(PAGE),
        )
    return int(text)
