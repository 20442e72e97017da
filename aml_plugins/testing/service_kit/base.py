"""What all parts of the kit for service types stand on: the fixtures, and what an author may say about the type."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from aml_plugins.errors import AmlError
from aml_plugins.testing.waiting import wait_until

if TYPE_CHECKING:
    from aml_plugins import Image, Service, Workspace
    from aml_plugins.services.contract import DeploymentSpec, ServiceBackend

__all__ = ["ECHO", "MakeImage", "ServiceKitBase", "spec_of"]

MakeImage = Callable[..., "Image"]

ECHO = """
import hashlib, os, time
def init():
    print("init of version {version}", flush=True)
def run(data):
    if isinstance(data, str) and data.startswith("sleep "):
        time.sleep(float(data[6:]))
    secret = hashlib.sha256(os.environ.get("TOKEN", "").encode()).hexdigest()
    return {{"version": {version}, "data": data, "secret": secret}}
"""


class ServiceKitBase:
    """Inherit :class:`~aml_plugins.testing.ServiceTypeContract`, not this."""

    factory_module: str
    """The module that has the type's class."""
    target: str = "local"
    """What services are deployed to: a service type, or a compute target that ``workspace`` has attached."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Settings of every service."""
    sdk_modules: Sequence[str] = ()
    """Packages that the type uses, and that importing it must not load."""
    patience: float = 240.0
    """Seconds that a deployment may take."""

    @pytest.fixture
    @abstractmethod
    def workspace(self) -> Iterator[Workspace]:
        """Yield a workspace in which services of the type can be deployed; ``AML_HOME`` names its home."""
        raise NotImplementedError

    @pytest.fixture
    def image_options(self) -> Mapping[str, Any]:
        """Return options of ``Image.create``, such as ``registry`` for types that pull; override where needed."""
        return {}

    def remaining(self, workspace: Workspace, service_id: str) -> Sequence[str]:
        """Return the names of what is left of a service, wherever it lives; override where a test can look."""
        del workspace, service_id
        return []

    def _is_gone(self, workspace: Workspace, service_id: str) -> bool:
        return not self.remaining(workspace, service_id)

    @pytest.fixture
    def backend(self, workspace: Workspace) -> ServiceBackend:
        """The backend, as a driver has it."""
        from aml_plugins.services.targets import find_place  # noqa: PLC0415  the kit is loaded by every pytest
        from aml_plugins.services.types import load_backend  # noqa: PLC0415  as above

        type_name, _ = find_place(workspace.context, workspace.name, self.target)
        return load_backend(workspace.context, type_name)

    @pytest.fixture
    def image(self, workspace: Workspace, image_options: Mapping[str, Any], tmp_path: Path) -> MakeImage:
        """Make an image of a script; of one that echoes its input, by default."""
        from aml_plugins import Image, InferenceConfig  # noqa: PLC0415  as above

        def make(script: str | None = None, *, version: int = 1) -> Image:
            source = tmp_path / "kit-service"
            source.mkdir(exist_ok=True)
            (source / "score.py").write_text(script or ECHO.format(version=version))
            inference = InferenceConfig("score.py", source)
            return Image.create(workspace, "kit", models=[], inference=inference, **image_options)

        return make

    @pytest.fixture
    def deploy(self, workspace: Workspace) -> Iterator[Callable[..., Service]]:
        """Deploy an image as ``kit``; it is deleted after the test."""
        from aml_plugins import Service  # noqa: PLC0415  as above

        def deploy(image: Image, *, wait: bool = True, name: str = "kit", **settings: Any) -> Service:
            given = {"drain_seconds": 10, **self.settings, **settings}
            return image.deploy(name, target=self.target, timeout_seconds=self.patience, wait=wait, **given)

        yield deploy
        for service in Service.list(workspace):
            with suppress(AmlError):
                service.delete()
            wait_until(partial(self._is_gone, workspace, service.record.service_id), self.patience)


def spec_of(backend: ServiceBackend, service: Service) -> DeploymentSpec:
    """Return what the service's driver would start first."""
    from aml_plugins.services.contract import DeploymentSpec  # noqa: PLC0415  as above
    from aml_plugins.services.types import checked_config  # noqa: PLC0415  as above

    record = service.record
    name, _, version = str(record.desired["image"]).rpartition(":")
    config: Any = record.desired["config"]
    return DeploymentSpec(
        key=f"{record.service_id[:20]}-1",
        service=record,
        image=service.workspace.context.store.images.get(record.workspace, name, int(version)),
        replicas=int(str(record.desired["replicas"])),
        config=checked_config(backend, config),
    )
