"""Statements that are run for every run, by the thousand: compiled once, then handed to SQLite's driver as they are.

SQLAlchemy says what a statement is and how values are written and read; only what it does around each execution is
left out, which takes several times as long as SQLite does. On PostgreSQL, where the way to the server is what costs,
it executes them as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

__all__ = ["Prepared", "run"]

_LENGTHS = (0, 1, 2, 4, 8, 16, 32, 64)
"""How long the lists are for which forms are kept; longer ones are rarer, and cost more themselves than is saved.

A shorter list gets its last value again: no other ``IN``, and few forms to be compiled, which costs milliseconds.
"""

_NONE: Mapping[str, Any] = {}
_Converter = tuple[int, Callable[[Any], Any]]


class Prepared:
    """A statement that is complete but for its named values. A value that is a list belongs to an expanding ``IN``.

    Safe to share between threads, databases and dialects.

    :param on_sqlite: what does the same there with less; with the same values.
    """

    def __init__(self, statement: Executable, on_sqlite: Executable | None = None) -> None:
        self._statement = statement
        self._on_sqlite = statement if on_sqlite is None else on_sqlite
        self._forms: dict[tuple[Any, ...], _Form] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        """Return all rows, each with its columns in the statement's order.

        :raises DBAPIError: where the database refuses.
        """
        form = self._form(connection, values)
        if form is None:
            return connection.execute(self._statement, values).all()
        return form.read(run(connection, form.text, form.bound(values)))

    def count(self, connection: Connection, values: Mapping[str, Any] = _NONE) -> int:
        """Return how many rows it changed, as :meth:`rows`; of an ``insert()`` not every driver says so."""
        form = self._form(connection, values)
        if form is None:
            return connection.execute(self._statement, values).rowcount
        return int(run(connection, form.text, form.bound(values)).rowcount)

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Run it once, as :meth:`rows`."""
        self.many(connection, [values])

    def many(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of several values, all with the same names and no lists, as :meth:`rows`."""
        form = self._form(connection, values[0])
        if form is None:
            connection.execute(self._statement, list(values))
        elif len(values) == 1:
            run(connection, form.text, form.bound(values[0]))
        else:
            run(connection, form.text, [form.bound(each) for each in values], many=True)

    def _form(self, connection: Connection, values: Mapping[str, Any]) -> _Form | None:
        """Return how SQLite gets it; None where SQLAlchemy is to execute it."""
        if connection.dialect.name != "sqlite":
            return None
        lengths = tuple([_length_for(value) for value in values.values() if value.__class__ is list])
        if None in lengths:
            return None
        form = self._forms.get((*values, lengths))
        if form is None:
            form = self._forms[*values, lengths] = _Form(self._on_sqlite, connection.dialect, values)
        return form


class _Form:
    """A statement's text for values of these names and lengths, and what makes them a driver's values and back."""

    def __init__(self, statement: Any, dialect: Dialect, values: Mapping[str, Any]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(values))
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  a statement's compiler
        assert not compiled.prefetch  # noqa: S101  no column of ours has a default that Python finds
        state = compiled.construct_expanded_state({name: _filled(value) for name, value in values.items()})
        self.text = state.statement
        self._names = tuple(state.positiontup or ())
        self._lists = list(state.parameter_expansion.items())
        elements = {element: name for name, all_ in self._lists for element in all_}
        binds = {name: compiled.binds[elements.get(name, name)] for name in self._names}
        # Its own values: constants, and the time, which is another each time.
        self._own = [(name, bind) for name, bind in binds.items() if name not in values and name not in elements]
        self._writers = _converters([binds[name].type for name in self._names], dialect)
        columns = getattr(statement, "exported_columns", ())
        self._readers = _converters([column.type for column in columns], dialect, back=True)

    def bound(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the driver's values in their order."""
        if self._lists or self._own:
            values = dict(values)
            for name, elements in self._lists:
                values.update(zip(elements, _filled(values[name]), strict=True))
            for name, bind in self._own:
                values[name] = bind.effective_value
        return _converted([values[name] for name in self._names], self._writers)

    def read(self, cursor: Any) -> Sequence[Any]:
        """Return the rows that a driver's cursor has."""
        rows: Sequence[Any] = cursor.fetchall()
        return [_converted(list(row), self._readers) for row in rows] if self._readers else rows


def _length_for(values: Sequence[Any]) -> int | None:
    """Return how long a list is in its form, None where it has none."""
    return next((length for length in _LENGTHS if length >= len(values)), None)


def _filled(value: Any) -> Any:
    """Return a list as long as its form has it."""
    return value + value[-1:] * ((_length_for(value) or 0) - len(value)) if value.__class__ is list else value


def _converters(types: Sequence[TypeEngine[Any]], dialect: Dialect, *, back: bool = False) -> Sequence[_Converter]:
    """Return what is to be done to which values of a row on their way to the database, or back."""
    found = []
    for place, type_ in enumerate(types):
        known = type_.dialect_impl(dialect)
        convert = known.result_processor(dialect, None) if back else known.bind_processor(dialect)
        if convert is not None:
            found.append((place, convert))
    return found


def _converted(values: list[Any], converters: Sequence[_Converter]) -> list[Any]:
    for place, convert in converters:
        values[place] = convert(values[place])
    return values


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
