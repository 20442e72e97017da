"""Copies of records with other values.

``dataclasses.replace`` makes a frozen record through an initializer that looks each field up and stores it by name: a
driver, which makes some twenty copies a run, would spend a twentieth of its time on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

__all__ = ["changed", "made_of", "values_of"]

T = TypeVar("T")


def changed(record: T, **changes: Any) -> T:
    """Return a copy with other values, as ``dataclasses.replace`` does.

    :param record: of a dataclass with slots, without ``__post_init__``.
    :raises TypeError: for a field that there is not.
    """
    kind: Any = type(record)
    copy: T = made_of(kind, values_of(record))
    setters = _setters_of(kind)
    for name, value in changes.items():
        if name not in setters:
            raise TypeError(f"{kind.__name__} has no field {name!r}")
        setters[name](copy, value)
    return copy


def made_of(record_type: type[T], values: Sequence[Any]) -> T:
    """Make a record of all its values, in the order of its fields."""
    kind: Any = record_type
    record = object.__new__(record_type)
    for setter, value in zip(_setters_of(kind).values(), values, strict=True):
        setter(record, value)
    return record


def values_of(record: object) -> Sequence[Any]:
    """Return a record's values in the order of its fields; not copies, as ``astuple`` would."""
    kind: Any = type(record)
    found: Sequence[Any] = _getter_of(kind)(record)
    return found


@cache
def _setters_of(record_type: Any) -> Mapping[str, Callable[[object, Any], None]]:
    return {field.name: record_type.__dict__[field.name].__set__ for field in fields(record_type)}


@cache
def _getter_of(record_type: Any) -> Callable[[object], Any]:
    return attrgetter(*(field.name for field in fields(record_type)))
