"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Count", "Duration", "Memory", "Number", "memory_bytes", "seconds"]

_SHORT: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?", re.IGNORECASE | re.ASCII)
_ISO: Final = re.compile(
    r"P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE | re.ASCII
)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_UNITS: Final = (86400, 3600, 60, 1)
_LONGEST: Final = 10 * 365 * 86400.0

_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)(b?)", re.IGNORECASE | re.ASCII)
_MEMORY_PATTERN: Final = r"^\d+(\.\d+)?\s*[kKmMgGtTpP]?i?[bB]?$"


def seconds(value: object) -> float:
    """Return a duration in seconds from ``90``, ``"90"``, ``"1h30m"`` or ISO 8601 ``"PT1H30M"``.

    :raises ValueError: for anything else, and for what is not longer than zero.
    """
    found = _seconds(value)
    if found is None:
        raise ValueError("must be a duration, such as 3600, 1h30m or PT1H30M")
    if not 0 < found <= _LONGEST:
        raise ValueError("must be longer than zero and at most ten years")
    return found


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(min(value, 2 * _LONGEST)) if not math.isnan(value) else None
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004  no honest duration is that long
        return None
    text = value.strip().replace(" ", "")
    if _NUMBER.fullmatch(text):
        return float(text)
    match = _ISO.fullmatch(text) or _SHORT.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return math.fsum(float(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part)


def memory_bytes(text: str) -> int:
    """Return a size in bytes; ``4Gi`` is 4 * 1024 ** 3 and ``4G`` is 4 * 1000 ** 3, as Kubernetes has it.

    :raises ValueError: where it is not a size.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) == 0 or (match[3] and not match[2]):
        raise ValueError("must be a size, such as 512Mi, 4Gi or 4G")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgtp".index(match[2].lower() or " "))


def _memory(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a size, such as 512Mi, 4Gi or 4G")  # noqa: TRY004  pydantic wants ValueError
    memory_bytes(value)
    return value.strip()


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")  # noqa: TRY004  pydantic wants ValueError
    return value


Count: TypeAlias = Annotated[int, BeforeValidator(_no_boolean)]
Number: TypeAlias = Annotated[float, BeforeValidator(_no_boolean)]
Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]
Memory: TypeAlias = Annotated[
    str,
    BeforeValidator(_memory),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _MEMORY_PATTERN}, {"type": "integer", "minimum": 1}]}),
]
