"""How Batch writes JSON, times and durations."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import formatdate

__all__ = ["FOREVER", "duration", "etag", "http_time", "iso", "json_text", "milliseconds", "seconds_of"]

FOREVER = "P10675199DT2H48M5.4775807S"
"""What an unset time limit is returned as."""

_DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?"
    r"(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_DAY = 86400
_UNITS = {"years": 365 * _DAY, "months": 30 * _DAY, "days": _DAY, "hours": 3600, "minutes": 60, "seconds": 1}
"""In seconds: for the service, each year has 365 days and each month 30."""
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
    """Return a time with the service's seven digits, less zeros at the end; None is now."""
    when = time.time() if when is None else when
    digits = f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%S.%f}{int(when * 1e7) % 10}"
    return f"{digits.rstrip('0').rstrip('.')}Z"


def milliseconds(when: float | None = None) -> str:
    """Return a time with the three digits of services that count in thousandths; None is now."""
    when = time.time() if when is None else when
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def http_time(when: float) -> str:
    """Return a time for a header."""
    return formatdate(when, usegmt=True)


def etag() -> str:
    """Return a new entity tag: the service makes them of the time, and puts no quotes around them."""
    return f"0x{_TICKS_AT_EPOCH + time.time_ns() // 100:X}"


def seconds_of(duration: str) -> float | None:
    """Return a duration in seconds, None where it is none."""
    exact = _seconds(duration)
    return None if exact is None else float(exact)


def duration(text: str) -> str:
    """Return a duration as the service writes it: in days and less, without what is zero."""
    exact = _seconds(text)
    if exact is None:
        return text
    days, rest = divmod(exact, _DAY)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    times = "".join(
        f"{value.normalize():f}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if value
    )
    if not exact:
        return "PT0S"
    return f"P{f'{days:f}D' if days else ''}{f'T{times}' if times else ''}"


def _seconds(duration: str) -> Decimal | None:
    match = _DURATION.fullmatch(duration)
    if match is None or duration in {"P", "PT"}:
        return None
    return sum((Decimal(match[unit] or 0) * size for unit, size in _UNITS.items()), Decimal())
