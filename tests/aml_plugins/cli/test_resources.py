"""``aml datastore`` and ``aml secret``: sentences, JSON, and nothing that should not be seen."""

from __future__ import annotations

import io
import json
import sys

import pytest

from aml_plugins.cli.app import run


@pytest.fixture
def aml(aml_home, capsys, monkeypatch):
    """Run a command in this process; return what it printed."""

    def call(*arguments: object, code: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        assert run([str(argument) for argument in arguments]) == code
        printed = capsys.readouterr()
        assert "defect" not in printed.err
        return printed.out if code == 0 else printed.err

    call.printed = capsys.readouterr
    return call


@pytest.fixture
def blob(aml, azurite, monkeypatch):
    monkeypatch.setenv("KEY", azurite.key)
    container = azurite.create_container()
    settings = [f"account_url={azurite.url}", f"container={container}", "account_key=secret://env/KEY"]
    options = [word for setting in settings for word in ("--set", setting)]
    assert "Registered datastore 'blob'" in aml("datastore", "register", "azure-blob", "blob", "--check", *options)
    return container


def test_files_go_and_come_back(aml, blob, tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("bb")
    assert "Uploaded 2 files" in aml("datastore", "upload", "blob", folder, "data")
    assert aml("datastore", "files", "blob").split() == ["1", "data/a.txt", "2", "data/deep/b.txt"]
    assert json.loads(aml("datastore", "files", "blob", "data/deep", "-o", "json")) == [
        {"path": "data/deep/b.txt", "bytes": 2}
    ]
    assert "Downloaded 2 files" in aml("datastore", "download", "blob", "data", tmp_path / "back")
    assert (tmp_path / "back" / "deep" / "b.txt").read_text() == "bb"
    (folder / "a.txt").write_text("changed")
    assert "other content" in aml("datastore", "upload", "blob", folder, "data", "--no-overwrite", code=2)
    assert "Deleted 1 files" in aml("datastore", "delete", "blob", "data/a.txt")
    assert "no file 'data/a.txt'" in aml("datastore", "delete", "blob", "data/a.txt", code=2)
    aml("datastore", "delete", "blob", "data", "--recursive")
    assert aml("datastore", "files", "blob") == ""


def test_datastores_are_listed_shown_chosen_and_removed(aml, blob, azurite):
    rows = {row["name"]: row for row in json.loads(aml("datastore", "list", "-o", "json"))}
    assert rows["workspace-files"]["default"] == "*"
    assert rows["blob"]["settings"]["account_key"] == "secret://env/KEY"
    aml("datastore", "set-default", "blob")
    shown = json.loads(aml("datastore", "show", "blob", "-o", "json"))
    assert (shown["default"], shown["container"]) == (True, blob)
    assert "is the default one" in aml("datastore", "remove", "blob", code=2)
    aml("datastore", "set-default", "workspace-files")
    assert "Its files are where they were" in aml("datastore", "remove", "blob")
    assert azurite.key not in aml("datastore", "list")


def test_one_that_does_not_answer_is_not_registered_where_that_is_asked(aml, blob, azurite, monkeypatch):
    monkeypatch.setenv("KEY", "d3Jvbmc=")
    settings = ["--set", f"account_url={azurite.url}", "--set", f"container={blob}"]
    said = aml("datastore", "register", "azure-blob", "other", "--check", *settings,
               "--set", "account_key=secret://env/KEY", code=3)  # fmt: skip
    assert "did not let us in" in said
    assert "other" not in aml("datastore", "list")
    assert "did not let us in" in aml("datastore", "files", "blob", code=3)


def test_secrets_are_set_from_standard_input_and_never_shown(aml):
    aml("secret", "register", "file", "team")
    assert "secret://team/TOKEN" in aml("secret", "set", "TOKEN", stdin="hush-hush\n")
    assert aml("secret", "list").split() == ["REFERENCE", "secret://team/TOKEN"]
    stores = {row["name"]: row for row in json.loads(aml("secret", "stores", "-o", "json"))}
    assert stores["team"]["default"] == "*"
    assert "hush" not in aml("secret", "stores") + aml("workspace", "show")
    aml("secret", "set-default", "env")
    assert "cannot be listed" in aml("secret", "list", code=2)
    assert json.loads(aml("secret", "list", "--in", "team", "-o", "json")) == [{"reference": "secret://team/TOKEN"}]
    assert "Deleted secret://team/TOKEN" in aml("secret", "delete", "TOKEN", "--in", "team")
    assert "has no secret 'TOKEN'" in aml("secret", "delete", "TOKEN", "--in", "team", code=2)
    aml("secret", "remove", "team")
    assert "team" not in aml("secret", "stores")


def test_the_workspace_shows_its_resources_and_the_doctor_tries_each(aml, blob, azurite, monkeypatch, tmp_path):
    aml("secret", "register", "file", "team", "--set", f"path={tmp_path / 'secrets'}")
    aml("workspace", "set-telemetry", "log-file")
    aml("datastore", "set-default", "blob", "--artifacts")
    shown = json.loads(aml("workspace", "show", "-o", "json"))
    assert {name: shown[name] for name in ("datastore", "artifact_datastore", "secret_store", "telemetry")} == {
        "datastore": "blob",
        "artifact_datastore": "blob",
        "secret_store": "team",
        "telemetry": "log-file",
    }
    assert (shown["datastores"], shown["secret_stores"]) == (["blob", "workspace-files"], ["env", "team"])
    monkeypatch.setenv("KEY", "d3Jvbmc=")
    assert run(["doctor", "-o", "json"]) == 1
    found = {each["check"]: each for each in json.loads(aml.printed().out)}
    assert not found["datastore blob"]["healthy"]
    assert "did not let us in" in found["datastore blob"]["message"]
    healthy = {"datastore workspace-files", "secret store env", "secret store team", "telemetry"}
    assert all(found[check]["healthy"] for check in healthy)
    aml("workspace", "set-telemetry", "off")
    assert json.loads(aml("workspace", "show", "-o", "json"))["telemetry"] == "off"


def test_a_value_is_no_argument(aml):
    aml("secret", "register", "file", "team")
    aml("secret", "set", "TOKEN", "hush", code=2)
    assert "A secret has 1 to" in aml("secret", "set", "TOKEN", code=2)
