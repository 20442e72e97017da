"""A prepared statement does what SQLAlchemy does with the same statement, on every database."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import StoreError
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.prepared import Prepared

_T = tables.workspaces
_INSERT = Prepared(insert(_T).inline())
_UPDATE = Prepared(update(_T).where(_T.c.name == bindparam("key")))
_NAMED = select(_T.c.settings, _T.c.name).where(_T.c.name.in_(bindparam("names", expanding=True))).order_by(_T.c.name)
_DELETE = Prepared(delete(_T).where(_T.c.name == bindparam("key"), _T.c.created_at < 5.0))


@pytest.fixture
def database(database_uri: str) -> Iterator[Database]:
    opened = Database(database_url(database_uri.removeprefix("aml+")))
    with opened.writing() as connection:
        tables.metadata.create_all(connection, [_T])
    yield opened
    opened.close()


def _row(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "settings": settings, "created_at": 1.0}


@pytest.mark.parametrize("names", [[], ["b"], ["a", "c", "zz"], ["c", *(f"n{number}" for number in range(40))]])
def test_rows_are_those_of_sqlalchemy(database: Database, names: list[str]) -> None:
    with database.writing() as connection:
        _INSERT.many(connection, [_row(name, of=name, deep=[1, {"x": None}]) for name in "abc"])
    with database.reading() as connection:
        found = Prepared(_NAMED).rows(connection, {"names": names})
        assert [tuple(row) for row in found] == [tuple(row) for row in connection.execute(_NAMED, {"names": names})]
        assert len(found) == len({"a", "b", "c"}.intersection(names))


@pytest.mark.parametrize(("count", "forms"), [(3, 3), (20, 6), (64, 7)])
def test_lists_share_forms_and_a_value_that_is_a_list_stays_as_it_is(
    database: Database, count: int, forms: int
) -> None:
    named = Prepared(_NAMED)
    with database.writing() as connection:
        _INSERT.write(connection, _row("a") | {"settings": [1, 2, 3]})
    with database.reading() as connection:
        for length in range(1, count + 1):
            found = named.rows(connection, {"names": [*(f"n{number}" for number in range(1, length)), "a"]})
            assert [tuple(row) for row in found] == [([1, 2, 3], "a")]
        is_compiled_here = connection.dialect.name == "sqlite"
    assert len(named._forms) == (forms if is_compiled_here else 0)


def test_changes_are_counted_and_values_go_through_their_columns_types(database: Database) -> None:
    with database.writing() as connection:
        _INSERT.write(connection, _row("a", nan=float("nan")))
        _INSERT.many(connection, [_row("b"), _row("c")])
        assert _UPDATE.count(connection, {"key": "a", "settings": {}}) == 1
        _UPDATE.many(connection, [{"key": "b", "settings": {"x": 1}}, {"key": "c", "settings": {"x": 2}}])
        assert _DELETE.count(connection, {"key": "a"}) == 1
        assert _DELETE.count(connection, {"key": "a"}) == 0
    with database.reading() as connection:
        found = Prepared(_NAMED).rows(connection, {"names": ["a", "b", "c"]})
    assert [tuple(row) for row in found] == [({"x": 1}, "b"), ({"x": 2}, "c")]


def _write_twice(database: Database) -> None:
    with database.writing() as connection:
        for _ in range(2):
            _INSERT.write(connection, _row("a"))


def _stop_after_writing(database: Database) -> None:
    with database.writing() as connection:
        _INSERT.write(connection, _row("a"))
        raise ZeroDivisionError


def _write_without_table(database: Database) -> None:
    with database.writing() as connection:
        tables.metadata.drop_all(connection, [_T])
        _INSERT.write(connection, _row("a", password="hunter2"))


def test_a_block_that_fails_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _stop_after_writing(database)
    with pytest.raises(IntegrityError):
        _write_twice(database)
    with database.writing() as connection:
        assert connection.execute(_NAMED, {"names": ["a"]}).all() == []
        _INSERT.write(connection, _row("a"))
        connection.execute(insert(_T), _row("b"))  # SQLAlchemy's own, in the same transaction
    with database.reading() as connection:
        assert len(Prepared(_NAMED).rows(connection, {"names": ["a", "b"]})) == 2


def test_what_the_database_refuses_is_said_without_the_values(database: Database) -> None:
    with pytest.raises(StoreError) as caught:
        _write_without_table(database)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


def test_more_users_than_connections_are_kept(tmp_path: Path) -> None:
    database = Database(database_url(f"sqlite:///{tmp_path / 'some.db'}"))
    with database.writing() as connection:
        tables.metadata.create_all(connection, [_T])
    together = threading.Barrier(12)
    found: list[int] = []

    def look() -> None:
        with database.reading() as connection:
            together.wait(120)
            found.append(len(Prepared(_NAMED).rows(connection, {"names": ["a"]})))

    threads = [threading.Thread(target=look) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    database.close()
    assert found == [0] * 12
    assert not [link for link in Path("/proc/self/fd").iterdir() if _leads_to(link, tmp_path)]


def test_a_forked_child_uses_connections_of_its_own(tmp_path: Path) -> None:
    database = Database(database_url(f"sqlite:///{tmp_path / 'some.db'}"))
    with database.writing() as connection:
        tables.metadata.create_all(connection, [_T])
        _INSERT.write(connection, _row("parent"))
    child = os.fork()
    if child == 0:
        try:
            with database.writing() as connection:
                _INSERT.write(connection, _row("child"))
            database.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    with database.reading() as connection:
        assert len(Prepared(_NAMED).rows(connection, {"names": ["child", "parent"]})) == 2
    database.close()


def _leads_to(link: Path, directory: Path) -> bool:
    try:
        return link.readlink().is_relative_to(directory)
    except FileNotFoundError:  # of what listed them
        return False


def test_sqlite_gets_what_does_the_same_there_with_less(database: Database) -> None:
    marked = update(_T).where(_T.c.name == bindparam("key"))
    prepared = Prepared(marked.values(created_at=2.0), on_sqlite=marked.values(created_at=3.0))
    with database.writing() as connection:
        _INSERT.write(connection, _row("a"))
        assert prepared.count(connection, {"key": "a"}) == 1
    with database.reading() as connection:
        assert connection.scalar(select(_T.c.created_at)) == (3.0 if database.is_sqlite else 2.0)
