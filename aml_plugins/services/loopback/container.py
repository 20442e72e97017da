"""The service type ``docker``: a container of this machine's engine a deployment."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, ClassVar, Literal

from pydantic import Field

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.images.keeping import fetch_image
from aml_plugins.images.opening import image_layout
from aml_plugins.images.own_layers import check_layers
from aml_plugins.images.saving import docker_archive
from aml_plugins.json_types import JsonObject
from aml_plugins.services.captured import FOLDER, check_capture, set_aside
from aml_plugins.services.contract import DeploymentSpec, DeploymentState, DeploymentStatus, ServiceConfig
from aml_plugins.services.loopback.base import LoopbackConfig, LoopbackService, read_ports
from aml_plugins.services.loopback.engine import engine
from aml_plugins.services.loopback.probing import is_ready
from aml_plugins.services.variables import scoring_variables
from aml_plugins.store.records import ServiceRecord

__all__ = ["DockerConfig", "DockerService"]

_TAIL_LINES = 15
_PORTS = {"main": "5001/tcp", "health": "5000/tcp"}
_STATE, _KEYS = "/opt/aml/state", "/opt/aml/keys"
_NOT_PUBLISHED = (
    "Its container runs, and the engine published none of its ports: it has no network 'bridge'. Set network=host."
)


class DockerConfig(LoopbackConfig):
    """Settings of a container."""

    cpus: float | None = Field(None, gt=0, description="Processor cores; fractions are fine.")
    memory: str | None = Field(None, pattern=r"^[0-9]+[bkmgBKMG]?$", description="Memory, such as 512m.")
    network: Literal["bridge", "host"] = Field(
        "bridge", description="bridge publishes two ports on 127.0.0.1; host is for engines without networks."
    )


class DockerService(LoopbackService):
    """Containers are named after the deployment's key, so that one that exists is known as ours."""

    type_name: ClassVar[str] = "docker"
    config_model: ClassVar[type[ServiceConfig]] = DockerConfig

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        config = spec.config
        assert isinstance(config, DockerConfig)  # noqa: S101  its own model
        check_layers(spec.image)
        check_capture(self.context, spec.service.workspace, config.capture)
        options: dict[str, Any] = {
            "name": _name(spec.key),
            "image": _tag(spec),
            "command": [*_listening(config), "--worker_count", str(spec.replicas)],
            "network_mode": config.network,
            "labels": {"io.aml.service": spec.service.service_id, "io.aml.deployment": spec.key},
            "read_only": True,
            "tmpfs": {"/tmp": "rw,mode=1777"},  # noqa: S108  in the container
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
        }
        if config.cpus is not None:
            options["nano_cpus"] = int(config.cpus * 1e9)
        if config.memory is not None:
            options["mem_limit"] = config.memory
        return options

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        import docker.errors  # noqa: PLC0415  of an extra

        with engine() as client:
            self._bring(client, spec)
            try:
                container = client.containers.get(_name(spec.key))
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
        port = self._port(handle, container, "health")
        if port is not None and is_ready(port):
            return DeploymentStatus(state=DeploymentState.READY)
        if port is None and container.status == "running" and not _is_on_host(container):
            return DeploymentStatus(state=DeploymentState.FAILED, reason=_NOT_PUBLISHED)
        return DeploymentStatus(state=DeploymentState.PENDING, reason="It is loading.")

    def port_of(self, handle: JsonObject) -> int | None:
        container = self._container(handle)
        return None if container is None else self._port(handle, container, "main")

    def health_port_of(self, handle: JsonObject) -> int | None:
        container = self._container(handle)
        return None if container is None else self._port(handle, container, "health")

    def delete(self, handle: JsonObject) -> None:
        import docker.errors  # noqa: PLC0415  of an extra

        with engine() as client:
            try:
                container = client.containers.get(_name(str(handle["key"])))
                container.stop(timeout=int(float(str(handle.get("drain_seconds", 30)))) + 5)
                container.remove(force=True)
            except docker.errors.NotFound:
                pass
        state = self._state(handle)
        set_aside(state / FOLDER, state.parents[1] / f"{FOLDER}.closed")
        shutil.rmtree(state.parent, ignore_errors=True)

    def logs(self, handle: JsonObject, lines: int) -> str:
        import docker.errors  # noqa: PLC0415  of an extra

        with engine() as client:
            try:
                text: bytes = client.containers.get(_name(str(handle["key"]))).logs(tail=lines)
            except docker.errors.NotFound:
                return ""
        return text.decode("utf-8", "replace").rstrip()

    def _create(self, client: Any, spec: DeploymentSpec) -> Any:
        options = dict(self.plan(spec))
        if options["network_mode"] == "bridge":
            options["ports"] = dict.fromkeys(_PORTS.values(), ("127.0.0.1", None))
        variables = scoring_variables(self.context, spec)
        state = self._state({"key": spec.key, "service_id": spec.service.service_id})
        state.mkdir(parents=True, exist_ok=True)
        # The server in the container is another user; the service's own directory keeps others of this machine out.
        self.directory(spec.service.service_id).chmod(0o700)
        state.chmod(0o777)
        if getattr(spec.config, "capture", False):
            (state / FOLDER).mkdir(exist_ok=True)
            (state / FOLDER).chmod(0o777)
            variables["AML_SCORING_CAPTURE_DIRECTORY"] = f"{_STATE}/{FOLDER}"
        mounts = {str(state): {"bind": _STATE, "mode": "rw"}}
        if spec.config.auth:
            self.keys(spec.service)
            folder = self.keys_file(spec.service.service_id).parent
            folder.chmod(0o755)
            mounts[str(folder)] = {"bind": _KEYS, "mode": "ro"}
            variables["AML_SCORING_KEYS_FILE"] = f"{_KEYS}/keys"
        return client.containers.create(**options, environment=variables, volumes=mounts, detach=True)

    def _bring(self, client: Any, spec: DeploymentSpec) -> None:
        """Load the image into the engine where it is not there."""
        import docker.errors  # noqa: PLC0415  of an extra

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

    def _state(self, handle: JsonObject) -> Path:
        """Return the directory that the container writes its ports to."""
        return self.place(handle) / "state"

    def _port(self, handle: JsonObject, container: Any, which: str) -> int | None:
        """Return the port on this machine: published by the engine, or taken by the server itself."""
        if _is_on_host(container):
            return read_ports(self._state(handle) / "ports.json").get(which)
        found = (container.attrs.get("NetworkSettings", {}).get("Ports") or {}).get(_PORTS[which])
        return int(found[0]["HostPort"]) if found else None

    def _container(self, handle: Mapping[str, Any]) -> Any:
        import docker.errors  # noqa: PLC0415  of an extra

        with engine() as client:
            try:
                return client.containers.get(_name(str(handle["key"])))
            except docker.errors.NotFound:
                return None


def _is_on_host(container: Any) -> bool:
    return bool(container.attrs["HostConfig"]["NetworkMode"] == "host")


def _name(key: str) -> str:
    return f"aml-{key}"


def _tag(spec: DeploymentSpec) -> str:
    return f"aml/{spec.image.name}:{str(spec.image.digest).partition(':')[2][:24]}"


def _listening(config: DockerConfig) -> list[str]:
    """Return where the server listens: in the container's own network at known ports, else at free ones it tells."""
    if config.network == "host":
        return ["--host", "127.0.0.1", "--port", "0", "--health_port", "0", "--ports_file", f"{_STATE}/ports.json"]
    return ["--host", "0.0.0.0", "--port", "5001", "--health_port", "5000"]  # noqa: S104  in the container
