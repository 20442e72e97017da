"""Services on the Azure emulator: container groups with a network, and a registry that wants a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.docker_engine import DockerEngine

from aml_plugins import Workspace
from aml_plugins.secrets.stores import register_secret_store
from aml_plugins.testing.azure_emulator import AzureEmulator


@pytest.fixture
def emulator(azure, azure_identity, networked_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> AzureEmulator:
    """The emulator, entered with an identity; its containers are those of an engine with a network."""
    monkeypatch.setenv("DOCKER_HOST", networked_engine.address)
    return azure


@pytest.fixture
def workspace(serving_home: Path, emulator: AzureEmulator, tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace.get()
    register_secret_store(workspace.context, workspace.name, "file", "team", {})
    workspace.attach_compute(
        "aci",
        "cloud",
        subscription=emulator.settings.subscription,
        resource_group=f"group-{tmp_path.name[-40:]}".lower(),
        endpoint=emulator.https_url,
        authority=emulator.https_url,
    )
    yield workspace
    workspace.close()
