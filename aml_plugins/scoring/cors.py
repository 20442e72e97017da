"""Which web pages may call the service from a browser."""

from __future__ import annotations

import re
from typing import Pattern

from .incoming import Incoming

__all__ = ["Cors", "open_cors"]

_METHODS = ("GET", "POST")
_PATTERN_SIGNS = frozenset("*\\]?$^[]()")


class Cors:
    """Adds the headers of cross-origin resource sharing.

    :param origins: an origin is a name, a pattern or ``*``.
    """

    def __init__(self, origins: list[str]) -> None:
        self._names = sorted(origin for origin in origins if not _is_pattern(origin))
        self._patterns: list[Pattern[str]] = [
            re.compile(".*" if origin == "*" else origin, re.IGNORECASE) for origin in origins if _is_pattern(origin)
        ]
        self._allows_all = "*" in origins
        self._varies = len(origins) > 1 or bool(self._patterns)

    def headers(self, incoming: Incoming) -> list[tuple[bytes, bytes]]:
        """Return the headers for the answer to a request."""
        origin = incoming.header(b"origin")
        allowed = self._allowed(origin)
        if not allowed:
            return []
        found = [(b"access-control-allow-origin", name.encode("latin-1")) for name in allowed]
        if incoming.method == "OPTIONS":
            found += _preflight(incoming)
        if allowed != ["*"] and self._varies:
            found.append((b"vary", b"Origin"))
        return found

    def _allowed(self, origin: str | None) -> list[str]:
        if not origin:
            return ["*"] if self._allows_all else self._names[:1]
        matches = any(origin.lower() == name.lower() for name in self._names)
        return [origin] if matches or any(pattern.match(origin) for pattern in self._patterns) else []


def open_cors(setting: str | None) -> Cors | None:
    """Return None where browsers of other origins are not served."""
    origins = [origin.strip() for origin in (setting or "").split(",") if origin.strip()]
    return Cors(origins) if origins else None


def _preflight(incoming: Incoming) -> list[tuple[bytes, bytes]]:
    wanted = (incoming.header(b"access-control-request-method") or "").upper()
    if wanted not in _METHODS:
        return []
    found: list[tuple[bytes, bytes]] = []
    asked: str | None = incoming.header(b"access-control-request-headers")
    if asked:
        names = ", ".join(sorted(name.strip() for name in asked.split(",")))
        found.append((b"access-control-allow-headers", names.encode("latin-1")))
    return [*found, (b"access-control-allow-methods", ", ".join(_METHODS).encode())]


def _is_pattern(origin: str) -> bool:
    return not _PATTERN_SIGNS.isdisjoint(origin)
