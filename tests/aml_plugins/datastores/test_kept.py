"""Datastores that a compute target keeps open."""

from __future__ import annotations

import pytest

from aml_plugins import Workspace
from aml_plugins.datastores import kept as module
from aml_plugins.datastores.kept import KeptDatastores
from aml_plugins.errors import NotFoundError


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.get("default")


def test_a_datastore_is_opened_once_and_anew_where_it_was_changed(workspace, tmp_path, monkeypatch):
    kept = KeptDatastores(workspace.context, "default")
    first = kept.open("")
    assert first.name == "workspace-files"
    assert kept.open("") is kept.open("workspace-files") is first
    workspace.register_datastore("directory", "mine", path=str(tmp_path / "a"))
    workspace.set_default_datastore("mine")
    mine = kept.open("")
    assert mine.name == "mine"
    workspace.set_default_datastore("workspace-files")
    workspace.remove_datastore("mine")
    with pytest.raises(NotFoundError):
        kept.open("mine")
    workspace.register_datastore("directory", "mine", path=str(tmp_path / "b"))
    assert kept.open("mine").config.path != mine.config.path
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    again = KeptDatastores(workspace.context, "default")
    assert again.open("") is not again.open(""), "a secret may have been replaced"
