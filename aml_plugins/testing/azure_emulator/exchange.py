"""One request and its answer, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

__all__ = ["Answer", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in.

    :param raw_path: still percent-encoded, as clients sign it.
    :param headers: by lower-case name.
    :param base: scheme and authority under which the client reached us.
    """

    verb: str
    raw_path: str
    raw_query: str
    pairs: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    content: bytes
    base: str
    body: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        """The query's last value of each name."""
        return dict(self.pairs)

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.base}{self.raw_path}{'?' if self.raw_query else ''}{self.raw_query}"

    def __getitem__(self, name: str) -> str:
        """Return a parameter of the path."""
        return self.parameters[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out.

    :param body: JSON, bytes of a file, or None.
    :param reason: the reason phrase, where it is not the usual one.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
