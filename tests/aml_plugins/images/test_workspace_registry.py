"""The container registry that a workspace has: set, shown, tried, and used by builds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from services.container_registry import PASSWORD, USER

from aml_plugins.cli.app import run
from aml_plugins.errors import BackendError, InvalidInputError, NotFoundError, OperationFailedError
from aml_plugins.images.layout import Layout
from aml_plugins.images.opening import load_registry
from aml_plugins.images.registry.workspace import check_registry, open_registry


def test_without_one_images_stay_in_the_default_datastore(serving, capsys) -> None:
    assert serving.workspace.container_registry is None
    assert check_registry(serving.workspace.context, "default") == "images stay in the datastore 'workspace-files'"
    assert serving.image().location.startswith("workspace-files:images/blobs/")
    assert run(["workspace", "show", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["container_registry"] == "the datastore 'workspace-files'"


def test_a_registry_is_set_shown_tried_and_pushed_to(serving, registry, monkeypatch, capsys) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    settings = [f"address={registry}", f"username={USER}", "password=secret://env/REGISTRY_PASSWORD", "prefix=team"]
    options = [part for setting in settings for part in ("--set", setting)]
    assert run(["workspace", "set-registry", "oci", *options]) == 0
    assert run(["workspace", "show"]) == 0
    assert f"oci {registry}" in capsys.readouterr().out
    image = serving.image()
    assert image.location == f"{registry}/team/iris-svc@{image.digest}"
    assert serving.image(registry={}).location.startswith("workspace-files:")
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    assert f"ok       container registry: {registry} answers" in said
    assert PASSWORD not in said + str(serving.workspace.context.store.workspaces.get("default"))
    assert run(["workspace", "set-registry", "off"]) == 0
    assert serving.image().location.startswith("workspace-files:")


def test_the_doctor_says_what_is_wrong(serving, registry, monkeypatch, capsys) -> None:
    monkeypatch.setenv("AML_REGISTRY_LONGEST_PAUSE", "0.01")
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-the-one-7")
    workspace = serving.workspace
    workspace.set_container_registry("oci", address=registry, username=USER, password="secret://env/REGISTRY_PASSWORD")
    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"PROBLEM  container registry: The registry {registry} refused with 401" in said
    assert "not-the-one-7" not in said
    workspace.set_container_registry("oci", address="127.0.0.1:1")
    with pytest.raises(BackendError, match="cannot be reached"):
        check_registry(workspace.context, "default")


def test_a_password_may_be_in_the_workspaces_secret_store(serving, registry, tmp_path, monkeypatch) -> None:
    workspace = serving.workspace
    monkeypatch.setenv("KEY", "k" * 44)
    workspace.register_secret_store("file", "vault", path=str(tmp_path / "vault"))
    workspace.set_secret("push", PASSWORD)
    workspace.set_container_registry("oci", address=registry, username=USER, password="secret://vault/push")
    assert open_registry(workspace.context, "default").check() == f"{registry} answers"
    assert serving.image().location.startswith(registry)


@pytest.mark.parametrize(
    "settings",
    [{"type": "oci"}, {"type": "oci", "address": "x", "password": "open"}, {"type": "oci", "address": "x", "k": 1}],
)
def test_wrong_settings_are_refused_and_nothing_is_written(serving, settings) -> None:
    with pytest.raises(InvalidInputError, match="container registry"):
        serving.workspace.set_container_registry(settings.pop("type"), **settings)
    assert serving.workspace.container_registry is None


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["oci"], ["oci", "--set", "nonsense"], ["directory", "--set", "address=x"], []],
)
def test_a_wrong_command_is_a_mistake_in_the_call(serving, arguments, capsys) -> None:
    assert run(["workspace", "set-registry", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_directory_is_a_registry(serving, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    serving.workspace.set_container_registry("directory", path=str(shared))
    assert check_registry(serving.workspace.context, "default") == f"{shared} can be written"
    image = serving.image()
    assert image.location == f"{shared}/iris-svc/{image.version}@{image.digest}"
    index = json.loads((shared / "iris-svc" / str(image.version) / "index.json").read_text())
    assert index["manifests"][0]["digest"] == image.digest
    pulled = Layout(tmp_path / "pulled")
    found = load_registry(serving.workspace.context, {"type": "directory", "path": str(shared)})
    assert found.pull(pulled, image.location, lambda _: None) == image.digest
    assert all(pulled.has(blob.digest) for blob in pulled.blobs_of(image.digest))


def test_what_is_damaged_or_missing_in_a_directory_is_not_taken(serving, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    registry = load_registry(serving.workspace.context, {"type": "directory", "path": str(shared)})
    with pytest.raises(NotFoundError):
        registry.pull(Layout(tmp_path / "l"), f"{shared}/none/1@sha256:{'0' * 64}", lambda _: None)
    image = serving.image(registry={"type": "directory", "path": str(shared)})
    source = Layout(shared / "iris-svc" / str(image.version))
    source.path(source.blobs_of(image.digest)[0].digest).write_bytes(b"another")
    with pytest.raises(OperationFailedError, match="damaged"):
        registry.pull(Layout(tmp_path / "l"), image.location, lambda _: None)
    (tmp_path / "file").write_text("")
    broken = load_registry(serving.workspace.context, {"type": "directory", "path": str(tmp_path / "file")})
    with pytest.raises(OperationFailedError, match="cannot be used"):
        broken.check()
