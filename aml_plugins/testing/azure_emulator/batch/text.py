"""How Batch writes JSON, times and durations."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate

__all__ = ["FOREVER", "etag", "http_time", "iso", "json_text", "seconds_of"]

FOREVER = "P10675199DT2H48M5.4775807S"
"""What an unset time limit is returned as."""

_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_TICKS_AT_EPOCH = 621355968000000000  # tenths of microseconds since the year 1


def json_text(value: object, indent: str = "") -> str:
    """Return JSON with the line breaks of the real service: around, not between members."""
    inner = indent + "  "
    if isinstance(value, Mapping):
        members = ",".join(f"{json.dumps(key)}:{json_text(item, inner)}" for key, item in value.items())
        return f"{{\r\n{inner}{members}\r\n{indent}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            return f"[\r\n{inner}\r\n{indent}]"
        return f"[\r\n{inner}{','.join(json_text(item, inner) for item in value)}\r\n{indent}]"
    return json.dumps(value)


def iso(when: float | None = None) -> str:
    """Return a time with the service's seven digits; None is now."""
    when = time.time() if when is None else when
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%S.%f}{int(when * 1e7) % 10}Z"


def http_time(when: float) -> str:
    """Return a time for a header."""
    return formatdate(when, usegmt=True)


def etag() -> str:
    """Return a new entity tag: the service makes them of the time, and puts no quotes around them."""
    return f"0x{_TICKS_AT_EPOCH + time.time_ns() // 100:X}"


def seconds_of(duration: str) -> float | None:
    """Return a duration in seconds, None where it is none."""
    match = _DURATION.fullmatch(duration)
    if match is None or duration in {"P", "PT"}:
        return None
    factors = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
    return sum(float(match[unit] or 0) * factor for unit, factor in factors.items())
