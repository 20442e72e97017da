"""In a server's process, what owners of workspaces register does not reach the server's machine."""

from __future__ import annotations

import pytest

from aml_plugins import Workspace
from aml_plugins.errors import PermissionDeniedError
from aml_plugins.telemetry.contract import Measurement
from aml_plugins.telemetry.opening import open_exporter


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.create("team-a")


@pytest.fixture
def as_server(monkeypatch):
    """Be a server from now on."""
    return lambda: monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", "sqlite:///x")


@pytest.mark.parametrize("kind", ["directory", "fsspec file", "fsspec chain"])
def test_a_directory_that_the_operator_has_not_named_is_not_opened(workspace, tmp_path, as_server, monkeypatch, kind):
    settings = {
        "directory": ("directory", {"path": str(tmp_path / "data")}),
        "fsspec file": ("fsspec", {"url": f"file://{tmp_path}/data"}),
        "fsspec chain": ("fsspec", {"url": f"simplecache::file://{tmp_path}/data"}),
    }[kind]
    workspace.register_datastore(settings[0], "data", **settings[1])
    as_server()
    with pytest.raises(PermissionDeniedError, match="The server does not serve the directory of the datastore 'data'"):
        workspace.datastores["data"]
    assert workspace.datastores["workspace-files"].check()
    monkeypatch.setenv("AML_SERVER_DIRECTORIES", f"/nowhere:{tmp_path}")
    if kind != "fsspec chain":
        assert workspace.datastores["data"].check()


def test_a_server_writes_no_log_where_it_is_told_to(workspace, tmp_path, as_server, aml_home):
    workspace.set_telemetry("log-file", path=str(tmp_path / "elsewhere" / "log"))
    as_server()
    point = Measurement(name="x", kind="count", value=1, time=0)
    with pytest.raises(PermissionDeniedError, match="does not serve the directory of the telemetry's log file"):
        open_exporter(workspace.context, "team-a").export((), [point])
    assert not (tmp_path / "elsewhere").exists()
    workspace.set_telemetry("log-file")
    open_exporter(workspace.context, "team-a").export((), [point])
    assert (aml_home / "telemetry.jsonl").exists()
