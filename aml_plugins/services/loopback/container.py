"""The service type ``docker``: a container of this machine's engine a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, ClassVar

from pydantic import Field

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import BackendError
from aml_plugins.images.building import fetch_image, image_layout
from aml_plugins.images.docker_builder import engine
from aml_plugins.images.saving import docker_archive
from aml_plugins.json_types import JsonObject
from aml_plugins.services.contract import DeploymentSpec, DeploymentState, DeploymentStatus, ServiceConfig
from aml_plugins.services.loopback.base import LoopbackConfig, LoopbackService
from aml_plugins.services.loopback.probing import is_ready
from aml_plugins.store.records import ServiceRecord

__all__ = ["DockerConfig", "DockerService"]

_TAIL_LINES = 15
_HEALTH_PORT, _PORT = "5000/tcp", "5001/tcp"
_USER = 10001


class DockerConfig(LoopbackConfig):
    """Settings of a container."""

    cpus: float | None = Field(None, gt=0, description="Processor cores; fractions are fine.")
    memory: str | None = Field(None, pattern=r"^[0-9]+[bkmgBKMG]?$", description="Memory, such as 512m.")


class DockerService(LoopbackService):
    """Containers are named after the deployment's key, so that one that exists is known as ours."""

    type_name: ClassVar[str] = "docker"
    config_model: ClassVar[type[ServiceConfig]] = DockerConfig

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        config = spec.config
        assert isinstance(config, DockerConfig)  # noqa: S101  its own model
        options: dict[str, Any] = {
            "name": name_of(spec.key),
            "image": _tag(spec),
            "command": [
                "--host", "0.0.0.0", "--port", "5001", "--health_port", "5000",  # noqa: S104  in the container
                "--worker_count", str(spec.replicas),
            ],
            "ports": {port: ["127.0.0.1", None] for port in (_PORT, _HEALTH_PORT)},
            "labels": {"io.aml.service": spec.service.service_id, "io.aml.deployment": spec.key},
            "read_only": True,
            "tmpfs": {"/tmp": "rw,mode=1777"},  # noqa: S108  in the container
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
        }  # fmt: skip
        if config.cpus is not None:
            options["nano_cpus"] = int(config.cpus * 1e9)
        if config.memory is not None:
            options["mem_limit"] = config.memory
        return options

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        import docker.errors  # noqa: PLC0415  of an extra

        with _client() as client:
            self._bring(client, spec)
            try:
                container = client.containers.get(name_of(spec.key))
            except docker.errors.NotFound:
                container = self._create(client, spec)
            if container.status not in {"running", "restarting"}:
                container.start()
        return {"key": spec.key, "service_id": spec.service.service_id, "drain_seconds": spec.config.drain_seconds}

    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        handle = {"key": key, "service_id": service.service_id}
        return handle if self._container(handle) is not None else None

    def status(self, handle: JsonObject) -> DeploymentStatus:
        container = self._container(handle)
        if container is None:
            return DeploymentStatus(state=DeploymentState.FAILED, reason="Its container is gone.")
        if container.status in {"exited", "dead"}:
            code = container.attrs["State"].get("ExitCode")
            words = f"Its container ended with exit code {code}. Its last lines:\n{self.logs(handle, _TAIL_LINES)}"
            return DeploymentStatus(state=DeploymentState.FAILED, reason=words)
        port = _published(container, _HEALTH_PORT)
        if port is not None and is_ready(port):
            return DeploymentStatus(state=DeploymentState.READY)
        return DeploymentStatus(state=DeploymentState.PENDING, reason="It is loading.")

    def port_of(self, handle: JsonObject) -> int | None:
        container = self._container(handle)
        return None if container is None else _published(container, _PORT)

    def delete(self, handle: JsonObject) -> None:
        import docker.errors  # noqa: PLC0415  of an extra

        with _client() as client:
            try:
                container = client.containers.get(name_of(str(handle["key"])))
                container.stop(timeout=int(float(str(handle.get("drain_seconds", 30)))) + 5)
                container.remove(force=True)
            except docker.errors.NotFound:
                return

    def logs(self, handle: JsonObject, lines: int) -> str:
        container = self._container(handle)
        if container is None:
            return ""
        return str(container.logs(tail=lines).decode("utf-8", "replace").rstrip())

    def _create(self, client: Any, spec: DeploymentSpec) -> Any:
        options = dict(self.plan(spec))
        options["ports"] = dict.fromkeys((_PORT, _HEALTH_PORT), ("127.0.0.1", None))
        variables = self.variables(spec)
        mounts = {}
        if spec.config.auth:
            self.keys(spec.service)
            folder = self.keys_file(spec.service.service_id).parent
            # The server in the container is another user; the directory above keeps others of this machine out.
            folder.chmod(0o755)
            self.keys_file(spec.service.service_id).chmod(0o644)
            self.directory(spec.service.service_id).chmod(0o700)
            mounts[str(folder)] = {"bind": "/opt/aml/keys", "mode": "ro"}
            variables["AML_SCORING_KEYS_FILE"] = "/opt/aml/keys/keys"
        return client.containers.create(**options, environment=variables, volumes=mounts, detach=True)

    def _bring(self, client: Any, spec: DeploymentSpec) -> None:
        """Load the image into the engine where it is not there."""
        import docker.errors  # noqa: PLC0415  of an extra

        if spec.image.builder != "oci":
            return
        try:
            client.images.get(_tag(spec))
        except docker.errors.ImageNotFound:
            layout = image_layout(self.context)
            datastore = default_datastore(self.context, spec.image.workspace)
            fetch_image(datastore, layout, spec.image.digest or "")
            with TemporaryFile() as file:
                docker_archive(layout, spec.image.digest or "", file, _tag(spec))
                file.seek(0)
                client.images.load(file)

    def _container(self, handle: Mapping[str, Any]) -> Any:
        import docker.errors  # noqa: PLC0415  of an extra

        with _client() as client:
            try:
                return client.containers.get(name_of(str(handle["key"])))
            except docker.errors.NotFound:
                return None


def name_of(key: str) -> str:
    """Return the container's name."""
    return f"aml-{key}"


def _tag(spec: DeploymentSpec) -> str:
    if spec.image.builder != "oci":
        return f"{spec.image.name}:{spec.image.version}"
    return f"aml/{spec.image.name}:{str(spec.image.digest).partition(':')[2][:24]}"


def _published(container: Any, port: str) -> int | None:
    found = (container.attrs.get("NetworkSettings", {}).get("Ports") or {}).get(port)
    return int(found[0]["HostPort"]) if found else None


@contextmanager
def _client() -> Iterator[Any]:
    """Open the engine; what it refuses is a sentence."""
    import docker.errors  # noqa: PLC0415  of an extra

    client = engine()
    try:
        yield client
    except docker.errors.APIError as error:
        raise BackendError(f"The Docker engine refused: {error.explanation or error}", "See: docker ps -a") from error
    finally:
        client.close()
