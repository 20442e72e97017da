from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.mlflow_store import locations
from aml_plugins.mlflow_store.locations import database_uri, default_artifact_root, is_in_memory


def test_artifacts_lie_beside_the_database():
    assert default_artifact_root("aml+sqlite:////x/aml.db") == "file:///x/artifacts"


def test_a_relative_database_is_meant_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_artifact_root("aml+sqlite:///aml.db") == f"file://{tmp_path}/artifacts"
    assert database_uri("aml+sqlite:///aml.db") == f"sqlite:///{tmp_path}/aml.db"


def test_a_servers_database_keeps_its_password_and_has_artifacts_at_home():
    uri = "aml+postgresql://me:secret@db.example/aml"
    assert database_uri(uri) == "postgresql://me:secret@db.example/aml"
    assert default_artifact_root(uri) == (Path(locations.aml_home()) / "artifacts").as_uri()


@pytest.mark.parametrize("name", ["my aml.db", "100%.db", "grün.db", "sqlite.db"])
def test_file_names_survive(tmp_path, name):
    assert database_uri(f"aml+sqlite:///{tmp_path}/{name}") == f"sqlite:///{tmp_path}/{name}"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("sqlite://", True), ("sqlite:///:memory:", True), ("sqlite:///a.db", False), ("postgresql://h/d", False)],
)
def test_databases_in_memory_are_told_apart(uri, expected):
    assert is_in_memory(uri) is expected
    assert is_in_memory(f"aml+{uri}") is expected


def test_the_servers_variables_are_those_of_this_mlflow():
    from mlflow.server import constants

    assert locations._ARTIFACT_ROOT == constants.ARTIFACT_ROOT_ENV_VAR
    assert locations._ARTIFACTS_DESTINATION == constants.ARTIFACTS_DESTINATION_ENV_VAR
    assert locations._STORE == constants.BACKEND_STORE_URI_ENV_VAR
    assert locations._READ_REPLICA == constants.READ_REPLICA_BACKEND_STORE_URI_ENV_VAR
