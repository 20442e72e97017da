"""A workspace that several processes create at the same moment is one workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aml_plugins import Workspace
from aml_plugins.store.records import WorkspaceRecord

# Imports everything once, then forks: the processes meet within the same millisecond.
PROGRAM = """
import json, os, sys
import mlflow.store.workspace.sqlalchemy_store
from sqlalchemy.orm import configure_mappers
from aml_plugins import Workspace
from aml_plugins.errors import AmlError
from aml_plugins.mlflow_store import history, workspace_provider, workspaces

name, count, exist_ok = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "exist_ok"
configure_mappers()
gate_read, gate_write = os.pipe()
said_read, said_write = os.pipe()
children = []
for _ in range(count):
    pid = os.fork()
    if pid == 0:
        os.close(gate_write)
        os.read(gate_read, 1)
        try:
            said = Workspace.create(name, exist_ok=exist_ok).name
        except AmlError as error:
            said = error.code
        except BaseException as error:
            said = repr(error)
        os.write(said_write, (said + "\\n").encode())
        os._exit(0)
    children.append(pid)
os.close(gate_write)
for pid in children:
    os.waitpid(pid, 0)
os.close(said_write)
with os.fdopen(said_read) as said:
    print(json.dumps(said.read().split("\\n")[:-1]))
"""
COUNT = 5


def create_at_once(name: str, mode: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, name, str(COUNT), mode]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    said: list[str] = json.loads(done.stdout)
    return said


def test_all_that_may_find_it_there_get_it(aml_home: Path) -> None:
    assert create_at_once("team-a", "exist_ok") == ["team-a"] * COUNT
    assert Workspace.list().count("team-a") == 1
    assert Workspace.get("team-a").context.store.workspaces.find("team-a") is not None


def test_of_those_that_must_make_it_one_does(aml_home: Path) -> None:
    assert sorted(create_at_once("team-b", "")) == ["already_exists"] * (COUNT - 1) + ["team-b"]
    assert Workspace.list().count("team-b") == 1


def test_settings_that_another_wrote_in_between_stay(aml_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The narrowest moment: between our look at the settings and our writing them."""
    other = Workspace.create("team-c")
    theirs = {"default_datastore": "theirs"}
    other.context.store.workspaces.save(WorkspaceRecord(name="team-c", settings=theirs))
    with monkeypatch.context() as patch:
        patch.setattr("aml_plugins.store.sql.workspaces.SqlWorkspaces.find", lambda *_: None)
        again = Workspace.create("team-c", exist_ok=True)

    assert again.name == "team-c"
    assert other.context.store.workspaces.get("team-c").settings == theirs
