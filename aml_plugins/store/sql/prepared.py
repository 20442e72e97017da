"""Statements that are run for every run, by the thousand: compiled once, then handed to SQLite's driver as they are.

SQLAlchemy says what a statement is and how values are written and read; only what it does around each execution is
left out, which takes several times as long as SQLite does. On PostgreSQL, where the way to the server is what costs,
it executes them as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["Prepared", "run"]

_MOST_NUMBERS = 16
"""The longest list whose form is kept; longer ones are rarer, and cost more themselves than is saved."""


class Prepared:
    """A statement that is complete but for its named values. A value that is a list belongs to an expanding ``IN``.

    Safe to share between threads, databases and dialects.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._forms: dict[tuple[Any, ...], _Form] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Return all rows, each with its columns in the statement's order.

        :raises DBAPIError: where the database refuses.
        """
        form = self._form(connection, values or {})
        if form is None:
            return connection.execute(self._statement, values).all()
        return form.read(run(connection, form.text, form.bound(values or {})))

    def count(self, connection: Connection, values: Mapping[str, Any] | None = None) -> int:
        """Return how many rows it changed, as :meth:`rows`."""
        form = self._form(connection, values or {})
        if form is None:
            return connection.execute(self._statement, values).rowcount
        return int(run(connection, form.text, form.bound(values or {})).rowcount)

    def many(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of several values, all with the same names, as :meth:`rows`."""
        form = self._form(connection, values[0])
        if form is None:
            connection.execute(self._statement, list(values))
        elif len(values) == 1:
            run(connection, form.text, form.bound(values[0]))
        else:
            run(connection, form.text, [form.bound(each) for each in values], many=True)

    def _form(self, connection: Connection, values: Mapping[str, Any]) -> _Form | None:
        """Return how SQLite gets it; None where SQLAlchemy is to execute it."""
        dialect = connection.dialect
        if dialect.name != "sqlite":
            return None
        lengths = [len(value) for value in values.values() if isinstance(value, list)]
        if lengths and max(lengths) > _MOST_NUMBERS:
            return None
        key = (*values, *lengths)
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = _Form(self._statement, dialect, values)
        return form


class _Form:
    """A statement's text for values of these names and lengths, and what makes them a driver's values and back."""

    def __init__(self, statement: Any, dialect: Dialect, values: Mapping[str, Any]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(values))
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  a statement's compiler
        assert not compiled.prefetch  # noqa: S101  no column of ours has a default that Python finds
        state = compiled.construct_expanded_state(values)
        self.text = state.statement
        elements = {
            element: (name, place)
            for name, all_ in state.parameter_expansion.items()
            for place, element in enumerate(all_)
        }
        places = [elements.get(name, (name, None)) for name in state.positiontup or ()]
        self._binds = [_Bind(name, place, compiled.binds[name], dialect) for name, place in places]
        types = [column.type.dialect_impl(dialect) for column in getattr(statement, "exported_columns", ())]
        readers = [(place, type_.result_processor(dialect, None)) for place, type_ in enumerate(types)]
        self._readers = [(place, read) for place, read in readers if read is not None]

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        return [bind.value(values) for bind in self._binds]

    def read(self, cursor: Any) -> Sequence[Any]:
        rows: Sequence[Any] = cursor.fetchall()
        return [self._read(row) for row in rows] if self._readers else rows

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return values


class _Bind:
    """Where one value of the driver's comes from."""

    __slots__ = ("_bind", "_name", "_place", "_write")

    def __init__(self, name: str, place: int | None, bind: BindParameter[Any], dialect: Dialect) -> None:
        self._name = name
        self._place = place
        self._bind = bind
        self._write = bind.type.dialect_impl(dialect).bind_processor(dialect)

    def value(self, values: Mapping[str, Any]) -> Any:
        if self._name not in values:
            value = self._bind.effective_value  # the statement's own: a constant, or the time
        else:
            value = values[self._name] if self._place is None else values[self._name][self._place]
        return value if self._write is None else self._write(value)


def run(connection: Connection, text: str, values: Sequence[Any] = (), *, many: bool = False) -> Any:
    """Let the driver run it within the connection's transaction; return its cursor.

    :raises DBAPIError: as SQLAlchemy would raise it.
    """
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.executemany(text, values) if many else driver.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        # Without the values: they are users'.
        raise DBAPIError.instance(
            text, None, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
