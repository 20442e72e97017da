"""Counts in words."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["counted"]


def counted(contents: Mapping[str, int]) -> str:
    """Return ``1 compute target, 2 runs and 3 models``; ``nothing`` for nothing.

    :param contents: counts by what is counted, in the plural.
    """
    parts = [f"{count} {word if count != 1 else _singular(word)}" for word, count in contents.items() if count]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]])) or "nothing"


def _singular(plural: str) -> str:
    first, *rest = plural.split(" that have ")
    return " that has ".join([first.removesuffix("s"), *rest])
