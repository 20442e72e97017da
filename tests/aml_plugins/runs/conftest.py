"""A real run history on SQLite, and a run in it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from aml_plugins.mlflow_store.history import open_history
from aml_plugins.mlflow_store.workspaces import create_workspace
from aml_plugins.runs.history import RunHistory


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    path = tmp_path_factory.mktemp("template") / "aml.db"
    shutil.copyfile(migrated_database, path)
    create_workspace(f"aml+sqlite:///{path}", "team-a")
    return path


@pytest.fixture
def history(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> RunHistory:
    for key in os.environ:
        if key.startswith(("MLFLOW_", "AML_")) and key != "AML_AZUREML_PYTHON":
            monkeypatch.delenv(key)
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    path = shutil.copy(template, tmp_path / "aml.db")
    return open_history(f"aml+sqlite:///{path}", "team-a")


@pytest.fixture
def new_run(history: RunHistory) -> Callable[[], tuple[str, str]]:
    """Create a run; return its id and its experiment's."""

    def create() -> tuple[str, str]:
        experiment, run_id = history.ensure_experiment("iris"), uuid.uuid4().hex
        history.create_run(run_id, experiment, name="run", tags={})
        history.set_status(run_id, "RUNNING")
        return run_id, experiment

    return create
