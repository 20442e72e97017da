"""The REST store where its server fails, or is none of ours."""

from __future__ import annotations

import http.server

import pytest
from services.answering_server import answering, said

from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError, StoreError
from aml_plugins.store.opening import open_store
from aml_plugins.store.rest import connection
from aml_plugins.store.rest.ahead import Question
from aml_plugins.store.rest.credentials import address_of
from aml_plugins.store.rest.store import connect
from aml_plugins.testing.waiting import wait_until


def test_a_server_that_is_not_there(monkeypatch):
    monkeypatch.setattr(connection, "_STRANGER_PATIENCE", 0.1)
    with pytest.raises(StoreError, match=r"http://127.0.0.1:1 cannot be reached.*aml server") as caught:
        open_store("http://ann:hunter2@127.0.0.1:1").runs.list("team-a")
    assert caught.value.exit_code == 3
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, InvalidInputError, "no such function.*--app-name aml"),
        (401, PermissionDeniedError, "does not know who you are.*MLFLOW_TRACKING_USERNAME"),
        (403, PermissionDeniedError, "role"),
        (500, StoreError, r"failed \(500\)"),
        (503, StoreError, r"failed \(503\)"),
    ],
)
def test_what_other_servers_and_proxies_say(status, kind, words):
    with answering(said(status, b"<html>no</html>")) as url, pytest.raises(kind, match=words):
        open_store(url).workspaces.list()


@pytest.mark.parametrize(
    ("token", "words"), [("", "knows no user 'ann' with that password"), ("t0ken", "does not accept that token")]
)
def test_who_is_not_known_hears_what_was_shown(token, words, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    with answering(said(401, b"")) as url, pytest.raises(PermissionDeniedError, match=words) as caught:
        open_store(url if token else url.replace("//", "//ann:hunter2@")).workspaces.list()
    assert not any(secret in str(caught.value) for secret in ("hunter2", "t0ken"))


def test_an_answer_that_is_no_json_is_a_sentence():
    portal = answering(said(200, b"<html>welcome to the hotel network</html>"))
    with portal as url, pytest.raises(StoreError, match="did not answer as our server does"):
        open_store(url).runs.list("team-a")


def test_a_busy_server_is_asked_again():
    answers = iter([said(503, b""), said(502, b""), said(200, b'{"items": [], "next_page_token": null}')])

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        next(answers)(handler)

    with answering(answer) as url:
        assert open_store(url).runs.list("team-a") == []


def test_what_was_lost_on_its_way_is_asked_again_under_the_same_key(new_run):
    keys, run = [], new_run()
    stored = b'{"workspace": "team-a", "run_id": "r", "experiment_id": "1", "experiment_name": "i", "target": "t", '
    stored += b'"target_type": "local", "state": "NotStarted", "script": "s", "config": {}}'

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        keys.append(handler.headers["Idempotency-Key"])
        if len(keys) < 3:
            handler.close_connection = True  # and not a word
            handler.connection.close()
            return
        said(201, stored)(handler)

    with answering(answer) as url:
        assert open_store(url).runs.add(run).run_id == "r"
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_what_was_asked_ahead_is_asked_once_and_answered_once():
    asked = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        said(200, b'{"items": [], "next_page_token": null}')(handler)

    with answering(answer) as url:
        made = connect(url)
        made.ask_ahead(Question("/first", {"limit": 1}), Question("/second", headers={"X-Who": "me"}))
        made.call("GET", "/second", headers={"X-Who": "me"})
        made.call("GET", "/first", query={"limit": 1})
        assert sorted(asked) == ["/first?limit=1", "/second"]
        made.call("GET", "/first", query={"limit": 1})
        made.call("GET", "/second")
        assert asked[2:] == ["/first?limit=1", "/second"]


def test_who_writes_sees_nothing_older_than_that():
    asked = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.command + handler.path)
        said(200, b"{}")(handler)

    with answering(answer) as url:
        made = connect(url)
        made.ask_ahead(Question("/thing"))
        wait_until(lambda: asked == ["GET/thing"])
        made.call("POST", "/thing")
        made.call("GET", "/thing")
    assert asked == ["GET/thing", "POST/thing", "GET/thing"]


def test_who_gets_no_answer_ahead_asks_himself():
    asked = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        if len(asked) == 1:
            handler.close_connection = True
            handler.connection.close()
            return
        said(503 if len(asked) == 3 else 200, b'{"is": "there"}')(handler)

    with answering(answer) as url:
        made = connect(url)
        for _ in ("an answer that was lost", "one that says that the server is busy"):
            made.ask_ahead(Question("/thing"))
            assert made.call("GET", "/thing").value == {"is": "there"}
    assert len(asked) == 4


def test_a_thing_that_a_lost_request_deleted_is_deleted():
    tries = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        tries.append(1)
        if len(tries) == 1:
            handler.close_connection = True
            handler.connection.close()
            return
        said(404, b'{"error_code": "not_found", "message": "There is none.", "fix": ""}')(handler)

    with answering(answer) as url:
        open_store(url).compute_targets.remove("team-a", "box")
        with pytest.raises(NotFoundError):
            open_store(url).compute_targets.remove("team-a", "box")


def test_names_from_strangers_stay_one_segment_of_the_path():
    asked = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        said(404, b'{"error_code": "not_found", "message": "There is none.", "fix": ""}')(handler)

    with answering(answer) as url:
        for name in ("../../admin", "a b?x=1#y", "a\r\nX-Evil: 1", "ü/é"):
            with pytest.raises(NotFoundError):
                open_store(url).compute_targets.get("team-a", name)
    assert [path.count("/") for path in asked] == [7] * 4
    assert all(path.isascii() and path.isprintable() and "?" not in path for path in asked)


def test_credentials_come_from_the_uri_or_from_mlflows_variables(monkeypatch):
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    assert address_of("http://h:5000/base/").headers() == {}
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    assert address_of("http://h:5000").headers() == {"Authorization": "Bearer t0ken"}
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    assert address_of("http://h:5000").headers() == {"Authorization": "Basic YW5uOmh1bnRlcjI="}
    given = address_of("http://bob:p%40ss@h:5000/base/")
    assert (given.url, given.username, given.password) == ("http://h:5000/base", "bob", "p@ss")
    assert "p@ss" not in repr(given)
    assert "hunter2" not in repr(open_store("http://h:5000").connection)


def test_opening_a_server_imports_neither_mlflow_nor_a_database(python):
    program = (
        "import sys; from aml_plugins.store.opening import open_store; open_store('http://127.0.0.1:1');"
        "print([name for name in ('mlflow', 'sqlalchemy', 'requests', 'pydantic', 'fastapi') if name in sys.modules])"
    )
    assert python(program) == "[]"
