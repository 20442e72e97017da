"""Records to JSON and back."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

__all__ = ["record_of", "records_of", "values_of"]


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


RecordT = TypeVar("RecordT", bound=_Record)


def values_of(record: _Record, *left_out: str) -> dict[str, Any]:
    """Return a record's fields; text is kept as far as databases keep it (``store/sql/tables.py``)."""
    return {name: _kept(getattr(record, name)) for name in _names(type(record)) if name not in left_out}


def record_of(record_type: type[RecordT], value: dict[str, Any]) -> RecordT:
    """Make a record of what a server sent; a newer server's news are left out."""
    return record_type(**{name: value[name] for name in _names(record_type) if name in value})


def records_of(record_type: type[RecordT], values: list[dict[str, Any]]) -> list[RecordT]:
    """Make records of a list."""
    return [record_of(record_type, value) for value in values]


@cache
def _names(record_type: type[_Record]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type))


def _kept(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
