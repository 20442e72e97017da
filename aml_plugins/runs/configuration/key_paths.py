"""Where in a run configuration something is."""

from __future__ import annotations

from typing import Final, TypeAlias

__all__ = ["LONGEST", "KeyPath", "key_text"]

KeyPath: TypeAlias = "tuple[str | int, ...]"

LONGEST: Final = 60
"""Characters of a key or a value that a sentence quotes."""


def key_text(path: KeyPath) -> str:
    """Return a path as people write it: ``environment.requirements[2]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST]}" if text else part[:LONGEST]
    return text.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n") or "the run configuration"
