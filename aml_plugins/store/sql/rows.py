"""Records to rows and back: columns are named as fields, so this is one place instead of one a noun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Table, select

from aml_plugins.store.copies import made_of, values_of

__all__ = ["columns_of", "locked_in_order", "record_of", "record_of_values", "row_of"]


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


RecordT = TypeVar("RecordT", bound=_Record)


def columns_of(table: Table, record_type: type[_Record]) -> list[Column[Any]]:
    """Return the columns that hold a record's fields, in their order."""
    return [table.c[field.name] for field in fields(record_type)]


def record_of(record_type: type[RecordT], row: Row[Any]) -> RecordT:
    """Make a record of a row that was selected with :func:`columns_of`."""
    return record_type(**row._mapping)  # noqa: SLF001  SQLAlchemy's documented, public way to a row's names


def record_of_values(record_type: type[RecordT], values: Sequence[Any]) -> RecordT:
    """Make a record of a row that a prepared statement returned, selected with :func:`columns_of`."""
    return made_of(record_type, values)


def row_of(record: _Record) -> dict[str, Any]:
    """Return the column values of a record. Not ``asdict``, which copies configurations deeply."""
    return dict(zip(record.__dataclass_fields__, values_of(record), strict=True))


def locked_in_order(key: Column[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Choose rows for an update of several: all who lock rows in the order of their keys cannot deadlock."""
    return key.in_(select(key).where(*conditions).order_by(key).with_for_update())
