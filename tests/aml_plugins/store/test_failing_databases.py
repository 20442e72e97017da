"""Databases that cannot be used: a sentence, something to do, nothing half-done."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from aml_plugins.errors import InvalidInputError, StoreError
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import WorkspaceRecord
from aml_plugins.store.sql import server_connections


@pytest.fixture
def database(tmp_path):
    return tmp_path / "aml.db"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setenv("AML_SQLITE_TIMEOUT", "0.2")


def test_a_file_that_is_no_database(database):
    database.write_text("once upon a time " * 100)
    with pytest.raises(StoreError, match=rf"{database} is not a usable SQLite database"):
        open_store(f"aml+sqlite:///{database}")
    assert database.read_text() == "once upon a time " * 100


def test_a_directory_that_is_missing(tmp_path):
    with pytest.raises(StoreError, match=rf"The directory {tmp_path}/no.*mkdir -p"):
        open_store(f"sqlite:///{tmp_path}/no/aml.db")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_the_file_s_place(tmp_path):
    with pytest.raises(StoreError, match="is a directory"):
        open_store(f"sqlite:///{tmp_path}")


def test_the_home_of_the_default_database_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path / "new" / "home"))
    open_store(f"aml+sqlite:///{tmp_path}/new/home/aml.db").close()
    assert (tmp_path / "new" / "home").stat().st_mode & 0o777 == 0o700


def test_a_home_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "home").touch()
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    with pytest.raises(InvalidInputError, match=r"cannot be used: File exists\. Set AML_HOME"):
        open_store(f"aml+sqlite:///{tmp_path}/home/aml.db")


def test_a_file_that_may_not_be_written(database):
    open_store(f"sqlite:///{database}").close()
    database.chmod(0o444)
    store = open_store(f"sqlite:///{database}?mode=ro&uri=true".replace("sqlite:///", "sqlite:///file:"))
    with pytest.raises(StoreError, match="cannot be written"):
        store.workspaces.add(WorkspaceRecord(name="team-a"))
    store.close()


def test_a_locked_database_on_opening(database, impatient):
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE t (x)")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=rf"{database} is locked by another process.*AML_SQLITE_TIMEOUT"):
            open_store(f"sqlite:///{database}")


def test_a_locked_database_in_use(database, impatient, new_run, owner):
    store = open_store(f"sqlite:///{database}")
    run = store.runs.add(new_run())
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.runs.save(replace(run, state="Failed"), owner=owner)
        assert store.runs.get("team-a", run.run_id) == run  # readers do not wait for writers
        holder.execute("ROLLBACK")
    assert store.runs.save(replace(run, state="Failed"), owner=owner).state == "Failed"
    store.close()


def test_a_timeout_that_is_no_number(database, monkeypatch):
    monkeypatch.setenv("AML_SQLITE_TIMEOUT", "soon")
    with pytest.raises(InvalidInputError, match="AML_SQLITE_TIMEOUT is 'soon'"):
        open_store(f"sqlite:///{database}")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("https://", "server's URI cannot be read"),
        ("http://u:hunter2@host:99999", "server's URI cannot be read"),
        ("http://u:hunter2@host/?workspace=a", "server's URI cannot be read"),
        ("mysql://u:hunter2@h/d", "cannot be kept in 'mysql'"),
        ("aml+sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("/some/directory", "cannot be read"),
        ("databricks", "cannot be read"),
    ],
)
def test_a_uri_that_names_no_store(uri, words):
    with pytest.raises(InvalidInputError, match=words) as caught:
        open_store(uri)
    assert "hunter2" not in str(caught.value)


def test_a_database_server_that_is_not_there():
    with pytest.raises(StoreError, match=r"postgresql://ann:\*\*\*@127.0.0.1:1/d cannot be reached") as caught:
        open_store("aml+postgresql://ann:hunter2@127.0.0.1:1/d")
    assert "hunter2" not in str(caught.value)


def test_a_database_that_the_server_does_not_have(postgresql):
    with pytest.raises(StoreError, match=r"/nothing does not exist.*createdb nothing"):
        open_store(postgresql.uri("nothing"))


def test_a_lost_connection_is_replaced(postgresql, postgresql_uri):
    store = open_store(postgresql_uri)
    store.workspaces.add(WorkspaceRecord(name="team-a"))
    others = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
    postgresql.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE {others}")
    assert [record.name for record in store.workspaces.list()] == ["team-a"]
    store.close()


def test_a_connection_that_was_silent_for_long_is_asked_after(postgresql_uri, monkeypatch):
    store, asked, ask = open_store(postgresql_uri), [], PGDialect_psycopg.do_ping

    def asking(dialect, connection):
        asked.append(connection)
        return ask(dialect, connection)

    monkeypatch.setattr(PGDialect_psycopg, "do_ping", asking)
    for silent_seconds, questions in ((3600.0, 0), (-1.0, 1)):
        monkeypatch.setattr(server_connections, "_SILENT_SECONDS", silent_seconds)
        assert store.workspaces.list() == []
        assert len(asked) == questions
    store.close()


def test_a_connection_lost_in_the_middle_is_a_store_error(postgresql, postgresql_uri, new_run, owner):
    store = open_store(postgresql_uri)
    run = store.runs.add(new_run())
    failures = []

    def save():
        try:
            store.runs.save(replace(run, state="Failed"), owner=owner)
        except StoreError as error:
            failures.append(error)

    import psycopg

    with psycopg.connect(postgresql_uri) as blocker:
        blocker.execute("SELECT * FROM aml_runs FOR UPDATE")
        saving = threading.Thread(target=save)
        saving.start()
        _wait_for_a_blocked_session(blocker)
        blocker.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        saving.join(timeout=60)
    assert [error.code for error in failures] == ["store"]
    assert store.runs.get("team-a", run.run_id) == run
    store.close()


def _wait_for_a_blocked_session(connection) -> None:
    while not connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
        connection.execute("SELECT pg_sleep(0.01)")


def test_threads_share_a_store(store, new_run, owner):
    run_ids = []

    def work():
        run = store.runs.add(new_run())
        for number in range(20):
            run = store.runs.save(replace(run, cursors={"log": number}), owner=owner)
        run_ids.append(run.run_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.version for run in store.runs.get_many(run_ids).values()] == [20] * 8


def test_a_forked_child_works_on_its_own_connections(store, new_run, owner):
    mine, childs = (store.runs.add(new_run()) for _ in range(2))
    child = os.fork()
    if child == 0:
        try:
            _save_often(store, childs, owner)
            store.close()
        except BaseException:  # noqa: BLE001  a forked test must never come back into pytest
            os._exit(1)
        os.kill(os.getpid(), signal.SIGKILL)
    _save_often(store, mine, owner)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [store.runs.get("team-a", run.run_id).version for run in (mine, childs)] == [50, 50]


def _save_often(store, run, owner) -> None:
    for number in range(50):
        run = store.runs.save(replace(run, cursors={"log": number}), owner=owner)
