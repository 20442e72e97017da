"""Files through the server: whole, as announced, and never out of their place."""

from __future__ import annotations

import hashlib
import http.client
import uuid
from base64 import b64encode

import pytest

from aml_plugins.context import open_run_history
from aml_plugins.datastores.server import ServerDatastore
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.rest.store import connect

OCTETS = {"Content-Type": "application/octet-stream"}
LEAVING = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "..%2f..%2fx",
    "a/%2e%2e/%2e%2e/x",
    "%00",
    "a/%00",
    "..%5c..%5cx/../../..",
]


@pytest.fixture
def datastore(aml_server) -> ServerDatastore:
    return ServerDatastore("workspace-files", connect(aml_server.url), "team-a")


@pytest.fixture
def run(aml_server) -> str:
    """The path of a run's files."""
    aml_server.empty()
    history, run_id = open_run_history(aml_server.url, "team-a"), uuid.uuid4().hex
    history.create_run(run_id, history.ensure_experiment("iris"), name=None, tags={})
    return run_id


def test_a_file_goes_and_comes_back(datastore, tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(256)) * 20_000)
    datastore.put(tmp_path / "a", "some/where.bin")
    assert datastore.exists("some/where.bin")
    datastore.get("some/where.bin", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    assert ("some/where.bin", 256 * 20_000) in list(datastore.list("some"))
    datastore.delete("some/where.bin")
    datastore.delete("some/where.bin")
    assert not datastore.exists("some/where.bin")
    with pytest.raises(NotFoundError, match=r"some/where\.bin"):
        datastore.get("some/where.bin", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_odd_names_are_names(datastore, tmp_path):
    (tmp_path / "a").write_text("x")
    for name in ("a b?c#d.txt", "grün/%41.txt", "-", "~", "a;b&c=d"):
        datastore.put(tmp_path / "a", f"odd/{name}")
        assert (f"odd/{name}", 1) in list(datastore.list("odd"))


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "a//b", "."])
def test_our_client_sends_no_path_that_leaves(datastore, tmp_path, path):
    (tmp_path / "a").write_text("x")
    with pytest.raises((InvalidInputError, IndexError)):
        datastore.put(tmp_path / "a", path)


@pytest.mark.parametrize("path", LEAVING)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_paths_that_leave_are_refused(aml_server, run, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", aml_server.port)  # it sends what it is told
    for base in ("/workspaces/team-a/datastores/workspace-files/files", mlflow_files(run, "team-a")):
        connection.request(method, f"/api/2.0/aml{base}/{path}", body=b"evil", headers=OCTETS)
        answer = connection.getresponse()
        assert answer.status in {400, 404, 405}, answer.read()
        answer.read()
    connection.close()
    files = (file for file in aml_server.directory.rglob("x") if file.is_file())
    assert not [file for file in files if file.read_bytes() == b"evil"]


def mlflow_files(run_id: str, workspace: str = "default") -> str:
    return f"/workspaces/{workspace}/mlflow-runs/{run_id}/artifacts"


def test_a_link_out_of_a_datastore_is_not_followed(client, aml_home, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = aml_home / "datastore" / "default"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    answer = client.get("/workspaces/default/datastores/workspace-files/files/link")
    assert answer.status_code == 400
    assert "secret" not in answer.text.replace(str(tmp_path), "")


def test_nobody_puts_another_directory_in_the_place_of_the_built_in_datastore(client, server, tmp_path):
    (tmp_path / "secret").write_text("secret")
    row = {"name": "workspace-files", "type": "directory", "config": {"path": str(tmp_path)}}
    assert client.post("/workspaces/default/datastores", json=row).status_code == 409
    server.store.datastores.add(DatastoreRecord(workspace="default", **row))  # as an earlier server let it be
    answer = client.get("/workspaces/default/datastores/workspace-files/files/secret")
    assert answer.status_code == 404


def test_what_is_not_as_announced_is_not_stored(client):
    url = "/workspaces/default/datastores/workspace-files/files/a.bin"
    digest = b64encode(hashlib.sha256(b"right").digest()).decode()
    headers = {**OCTETS, "Content-Digest": f"sha-256=:{digest}:"}
    assert client.put(url, content=b"wrong", headers=headers).status_code == 400
    assert client.get(url).status_code == 404
    assert client.put(url, content=b"right", headers=headers).status_code == 204
    assert client.get(url).content == b"right"


def test_what_is_served_is_saved_not_shown(client):
    url = "/workspaces/default/datastores/workspace-files/files/page.html"
    client.put(url, content=b"<script>alert(1)</script>", headers=OCTETS)
    headers = client.get(url).headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")


def test_a_file_of_a_run_that_is_not_there_is_refused_before_it_comes(client, aml_home):
    answer = client.put(f"{mlflow_files('0' * 32)}/a.txt", content=b"x", headers=OCTETS)
    assert answer.status_code == 404
    assert not (aml_home / "uploads").exists()


def test_a_large_file_is_refused(client, server, monkeypatch):
    url = "/workspaces/default/datastores/workspace-files/files/large"
    announced = {**OCTETS, "Content-Length": str(server.settings.upload_limit + 1)}
    assert client.put(url, content=b"x", headers=announced).status_code == 413


def test_directories_of_a_run_keep_their_shape(aml_server, run, tmp_path):
    history = open_run_history(aml_server.url, "team-a")
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "grün ü.txt").write_text("x")
    (tmp_path / "out" / "link").symlink_to("/etc/passwd")
    history.upload(run, tmp_path / "out", "outputs")
    assert [file.path for file in history.files(run, "outputs/deep")] == ["outputs/deep/grün ü.txt"]
    there = history.download(run, "outputs", tmp_path / "there")
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*")) == ["deep", "deep/grün ü.txt"]
    with pytest.raises(NotFoundError, match="no artifact"):
        history.download(run, "outputs/link", tmp_path / "there")
