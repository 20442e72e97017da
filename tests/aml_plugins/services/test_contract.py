"""The kit for service types on those of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aml_plugins import Workspace
from aml_plugins.testing import ServiceTypeContract


class _OnThisMachine(ServiceTypeContract):
    @pytest.fixture
    def workspace(self, aml_home, built_environments, built_images) -> Iterator[Workspace]:
        (aml_home / "environments").symlink_to(built_environments)
        (aml_home / "images").symlink_to(built_images)
        workspace = Workspace.get()
        yield workspace
        workspace.close()


class TestLocal(_OnThisMachine):
    factory_module = "aml_plugins.services.loopback.process"

    @pytest.fixture(autouse=True)
    def _look(self, running: Callable[[], list[int]], request: pytest.FixtureRequest) -> None:
        self.running = running

    def remaining(self, workspace: Workspace, service_id: str) -> list[str]:
        folder = workspace.context.home / "services" / service_id
        return [*map(str, self.running()), *([str(folder)] if folder.exists() else [])]


class TestDocker(_OnThisMachine):
    factory_module = "aml_plugins.services.loopback.container"
    target = "docker"
    sdk_modules = ("docker",)

    @pytest.fixture(autouse=True)
    def _engine(self, engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        self.settings = {"network": "host"} if engine.network == "none" else {}

    def remaining(self, workspace: Workspace, service_id: str) -> list[str]:
        import docker

        client = docker.from_env()
        found = client.containers.list(all=True, filters={"label": f"io.aml.service={service_id}"})
        client.close()
        return [container.name for container in found]
