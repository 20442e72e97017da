"""Names from scripts, made into names that MLflow takes. The original is kept beside, where it differs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

__all__ = ["Naming", "artifact_path", "file_name", "is_reserved", "label", "metric_name", "tag_name"]

MAX_KEY = 250
MAX_FILE = 100
MAX_VALUE = 5000
RESERVED = ("aml.", "mlflow.")
ALLOWED = frozenset({"mlflow.note.content"})


class Naming:
    """One name space of one run: two originals never share a name; the first to come gets the plain one."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def name(self, original: str) -> str:
        """Return the name for ``original``, always the same."""
        known = self._names.get(original)
        if known is not None:
            return known
        plain = self._make(original)
        name, number = plain, 2
        while name in self._taken:
            suffix = f"_{number}"
            name, number = plain[: MAX_KEY - len(suffix)] + suffix, number + 1
        self._names[original] = name
        self._taken.add(name)
        return name


def metric_name(original: str) -> str:
    """Return a metric key for any text."""
    key = re.sub(r"[^/\w.\- :]", "_", original)[:MAX_KEY]
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "unnamed"


def tag_name(original: str, prefix: str = "") -> str:
    """Return a tag key for any text, below ``prefix``."""
    return (prefix + metric_name(original))[:MAX_KEY].rstrip("/")


def is_reserved(tag: str) -> bool:
    """Return whether a tag is MLflow's or ours: a script sets neither."""
    return tag.startswith(RESERVED) and tag not in ALLOWED


def label(text: str | None, limit: int = MAX_VALUE) -> str:
    """Return a text that every database keeps: no NUL, of bounded length."""
    return (text or "").replace("\0", "")[:limit]


def file_name(original: str) -> str:
    """Return a file name, without extension, for any text."""
    return re.sub(r"[^\w.\- ]", "_", original)[:MAX_FILE].strip(". ") or "unnamed"


def artifact_path(path: str) -> str | None:
    """Return ``path`` where it is a clean relative path, else None."""
    clean = path == posixpath.normpath(path) and not path.startswith(("/", "..")) and path != "."
    if not clean or re.search(r"[\x00-\x1f\x7f\\]", path) or re.match(r"[A-Za-z]:", path):
        return None
    return path if all(len(part.encode("utf-8", "replace")) <= 255 for part in path.split("/")) else None  # noqa: PLR2004 - what file systems take
