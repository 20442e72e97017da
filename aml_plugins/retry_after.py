"""How long a remote side asks to be left alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST_SECONDS", "seconds_asked"]

LONGEST_SECONDS = 3600.0
"""Nobody is left alone for longer: a wrong clock over there must not put a run off for days."""
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


def seconds_asked(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds that an answer asks to wait, None where it does not say or nobody understands it.

    Sources: RFC 9110, 10.2.3 (seconds, or the time of day); Microsoft's services also say milliseconds, in
    ``retry-after-ms`` or ``x-ms-retry-after-ms``.

    :param headers: of the answer, in any spelling of their names.
    """
    said = {name.lower(): str(value).strip() for name, value in (headers or {}).items()}
    for name in _MILLISECONDS:
        found = _number(said.get(name, ""))
        if found is not None:
            return _bounded(found / 1000)
    text = said.get("retry-after", "")
    found = _number(text)
    return _until(text) if found is None else _bounded(found)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _bounded((aware - datetime.now(UTC)).total_seconds())


def _bounded(seconds: float) -> float:
    return min(LONGEST_SECONDS, max(0.0, seconds))
