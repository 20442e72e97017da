"""Models registered from runs."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from mlflow.utils.workspace_context import WorkspaceContext

from aml_plugins.errors import InvalidInputError, NotFoundError


@pytest.fixture
def store_uri(any_store_uri):
    return any_store_uri


@pytest.fixture
def run_with_model(history, new_run, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("weights")
    run_id = new_run()
    history.upload(run_id, tmp_path / "model", "outputs/model")
    return run_id


def test_versions_count_up(history, run_with_model):
    first = history.register_model("flower", run_with_model, "outputs/model", tags={"kind": "test"})
    second = history.register_model("flower", run_with_model, "outputs/model/weights.txt")
    assert (first.version, first.tags, first.run_id) == ("1", {"kind": "test"}, run_with_model)
    assert [version.version for version in history.models("flower")] == ["2", "1"]
    assert history.models("flower")[0] == second


def test_aliases_are_those_of_their_version(history, run_with_model, store_uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")  # as plain MLflow has to be told
    for _ in range(2):
        history.register_model("flower", run_with_model, "outputs/model")
    with WorkspaceContext("team-a"):
        client = MlflowClient(tracking_uri=store_uri, registry_uri=store_uri)
        for alias in ("production", "champion"):
            client.set_registered_model_alias("flower", alias, "1")

    assert [list(version.aliases) for version in history.models("flower")] == [[], ["champion", "production"]]


def test_the_newest_of_each(history, run_with_model):
    for name in ("flower", "tree", "flower"):
        history.register_model(name, run_with_model, "outputs/model")
    assert [(model.name, model.version) for model in history.models()] == [("flower", "2"), ("tree", "1")]


def test_a_directory_and_a_file_come_back(history, run_with_model, tmp_path):
    history.register_model("flower", run_with_model, "outputs/model")
    history.register_model("flower", run_with_model, "outputs/model/weights.txt")
    there = history.download_model("flower", "1", tmp_path / "there")
    assert (there / "weights.txt").read_text() == "weights"
    assert history.download_model("flower", "2", tmp_path / "there").read_text() == "weights"


def test_a_model_logged_with_mlflow_comes_back_under_its_name(history, run_with_model, tmp_path):
    history.upload(run_with_model, tmp_path / "model", "m-0123/artifacts")  # as MLflow keeps one
    history.register_model("flower", run_with_model, "m-0123/artifacts")
    for _ in range(2):
        there = history.download_model("flower", "1", tmp_path / "there")
        assert there == tmp_path / "there" / "flower"
        assert [file.name for file in there.iterdir()] == ["weights.txt"]


def test_names_with_quotes_are_found(history, run_with_model):
    for name in ("o'brien", 'the "best"'):
        history.register_model(name, run_with_model, "outputs/model")
        assert [version.name for version in history.models(name)] == [name]


def test_what_is_not_there_makes_no_model(history, run_with_model, tmp_path):
    for path in ("outputs/no", ""):
        with pytest.raises(NotFoundError, match="no artifact"):
            history.register_model("flower", run_with_model, path)
    assert history.models() == []
    with pytest.raises(NotFoundError, match="flower"):
        history.download_model("flower", "1", tmp_path)


def test_a_name_that_mlflow_refuses(history, run_with_model):
    with pytest.raises(InvalidInputError):
        history.register_model("a/b", run_with_model, "outputs/model")
