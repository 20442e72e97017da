"""Services on IoT Edge devices of the Azure emulator: their modules are containers of an engine with a network."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from services.docker_engine import DockerEngine

from aml_plugins import Image, InferenceConfig, Workspace
from aml_plugins.secrets.stores import register_secret_store
from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.service_kit.base import ECHO

MakeImage = Callable[..., Image]


@pytest.fixture
def hub(azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch) -> AzureEmulator:
    """The hub; its key is in HUB_KEY, its certificate trusted."""
    monkeypatch.setenv("HUB_KEY", azure.settings.key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
    return azure


@pytest.fixture
def emulator(hub: AzureEmulator, networked_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> AzureEmulator:
    """The hub, whose devices can run modules."""
    monkeypatch.setenv("DOCKER_HOST", networked_engine.address)
    return hub


@pytest.fixture
def workspace(serving_home: Path) -> Iterator[Workspace]:
    workspace = Workspace.get()
    register_secret_store(workspace.context, workspace.name, "file", "team", {})
    yield workspace
    workspace.close()


@pytest.fixture
def device() -> str:
    """The name of a device that nobody else has."""
    return f"edge-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_image(workspace: Workspace, image_options: Any, tmp_path: Path) -> MakeImage:
    """Make an image of a script; of one that echoes its input, by default."""

    def make(script: str | None = None, *, version: int = 1) -> Image:
        source = tmp_path / "service"
        source.mkdir(exist_ok=True)
        (source / "score.py").write_text(script or ECHO.format(version=version))
        return Image.create(
            workspace, "edge", models=[], inference=InferenceConfig("score.py", source), **image_options
        )

    return make
