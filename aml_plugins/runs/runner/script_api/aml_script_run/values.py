"""Any value a script logs, as a JSON cell: number, text, true, false, null, or ``{"f": "nan" | "inf" | "-inf"}``.

A value with ``__float__`` or ``__index__`` is a number (NumPy, PyTorch, Decimal); neither library is imported.
What is nothing of all that is kept as its ``repr``, as Azure ML kept it.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Dict, Mapping, Union

Cell = Union[None, bool, int, float, str, Dict[str, str]]

MAX_TEXT = 100_000
LARGEST_INTEGER = 2**63


def cell(value: Any) -> Cell:
    """Return what stands for ``value`` in a record."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, (int, float)):
        return _number(value)
    return _foreign(value)


def plain(value: Cell) -> Any:
    """Return the Python value of a cell that was read back."""
    return float(value["f"]) if isinstance(value, dict) else value


def json_value(value: Any) -> Any:
    """Return ``value`` (nested mappings and sequences) with cells at its leaves and text keys."""
    if isinstance(value, Mapping):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(inner) for inner in value]
    if hasattr(value, "tolist") and getattr(value, "ndim", None):
        return json_value(value.tolist())
    leaf = cell(value)
    return leaf["f"] if isinstance(leaf, dict) else leaf


def labels(values: Mapping[Any, Any]) -> dict[str, str | None]:
    """Return tags or properties as Azure ML kept them: text to text, or to nothing."""
    return {str(key): None if value is None else _text(str(value)) for key, value in values.items()}


def cells(values: Any) -> list[Cell]:
    """Return the cells of any iterable."""
    return [cell(value) for value in values]


def _number(value: float) -> Cell:
    if isinstance(value, int):
        return int(value) if -LARGEST_INTEGER <= value < LARGEST_INTEGER else _float(value)
    return _float(value)


def _float(value: Any) -> Cell:
    try:
        number = float(value)
    except OverflowError:
        return _text(repr(value))
    if math.isfinite(number):
        return number
    return {"f": "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"}


def _foreign(value: Any) -> Cell:
    for number in (operator.index, _float_of):
        try:
            return _number(number(value))
        except Exception:  # noqa: BLE001, PERF203, S112 - a stranger's conversion may raise anything; then it is no such number
            continue
    return _text(repr(value))


def _float_of(value: Any) -> float:
    if hasattr(type(value), "__float__"):
        return float(value)
    raise TypeError(value)


def _text(value: str) -> str:
    whole = value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    return whole.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written down
