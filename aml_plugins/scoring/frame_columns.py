"""Columns of a frame, made from JSON's values where numpy does what pandas would have done in the end."""

from __future__ import annotations

from typing import Any, Callable, List

__all__ = ["LibraryCaseError", "Make", "column_maker"]

Make = Callable[[List[Any]], Any]

_EXACT = 1 << 53
_TAKES: dict[str, frozenset[type]] = {
    "float64": frozenset({float, int}),
    "float32": frozenset({float, int}),
    "int64": frozenset({int}),
    "int32": frozenset({int}),
    "bool": frozenset({bool}),
    "object": frozenset({str}),
    "str": frozenset({str}),
}


class LibraryCaseError(Exception):
    """These values are for the library to convert or to refuse."""


def column_maker(pandas: Any, dtype: Any) -> Make | None:
    """Return what makes columns of a type; None for a type that is the library's.

    The maker takes one column's values and raises :class:`LibraryCaseError` for values of other types.
    """
    name = str(dtype)
    takes = _TAKES.get(name)
    if takes is None:
        return None
    if name == "str":
        return lambda values: pandas.array(_checked(values, takes), dtype=dtype)
    if name == "object":  # a series keeps it: of an array with text a frame makes "str"
        return lambda values: pandas.Series(_checked(values, takes), dtype=dtype)
    import numpy as np

    if name.startswith("float"):
        return lambda values: _numbers(np, _checked(values, takes), dtype)
    # By way of 64 bits, as JSON's numbers are read: narrower types wrap around.
    wide = dtype if name == "bool" else "int64"
    return lambda values: np.array(_checked(values, takes), dtype=wide).astype(dtype, copy=False)


def _checked(values: list[Any], takes: frozenset[type]) -> list[Any]:
    if not takes.issuperset(map(type, values)):
        raise LibraryCaseError
    return values


def _numbers(np: Any, values: list[Any], dtype: Any) -> Any:
    """Neither infinity nor whole numbers that a float has no place for: pandas goes other ways with them."""
    made = np.array(values, dtype="float64")
    if not abs(made).max() <= _EXACT:  # so is NaN refused
        raise LibraryCaseError
    return made.astype(dtype, copy=False)
