"""Remove environments that nobody uses."""

from __future__ import annotations

import os
import re
import time

from .cache import Place

__all__ = ["prune"]

_KEY = re.compile(r"(pip|conda)-[0-9a-f]{32}")
_DAY_SECONDS = 86400.0


def prune(cache: str, *, keep: int | None = None, days: float | None = None) -> list[str]:
    """Remove environments and return their keys; one that is being built or used by a living run is never removed.

    Builds that were cut off go in any case.

    :param keep: how many stay, those used last.
    :param days: those not used for so long go.
    """
    try:
        keys = [name for name in os.listdir(cache) if _KEY.fullmatch(name)]
    except FileNotFoundError:
        return []
    used = {key: Place(cache, key).last_use() for key in keys}
    complete = sorted((key for key in keys if used[key] is not None), key=lambda key: used[key] or 0.0, reverse=True)
    going = set(keys) - set(complete)
    if keep is not None:
        going.update(complete[keep:])
    if days is not None:
        oldest = time.time() - days * _DAY_SECONDS
        going.update(key for key in complete if (used[key] or 0.0) < oldest)
    return sorted(key for key in going if _remove(Place(cache, key), used[key]))


def _remove(place: Place, last_use: float | None) -> bool:
    with place.unused() as unused:
        if not unused or place.last_use() != last_use:  # taken since we looked
            return False
        place.clear()
        return True
