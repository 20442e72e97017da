"""The service type ``local``: the scoring server as a process, with the image's files and environment, no container."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.images.contents import APP_ROOT, server_entries
from aml_plugins.images.keeping import fetch_blob
from aml_plugins.images.opening import image_layout
from aml_plugins.images.own_layers import check_layers, own_layers
from aml_plugins.images.packages import prepare_environment, serving_environment
from aml_plugins.json_types import JsonObject
from aml_plugins.services.captured import FOLDER, check_capture
from aml_plugins.services.contract import DeploymentSpec, DeploymentState, DeploymentStatus
from aml_plugins.services.loopback.base import LoopbackService, read_ports
from aml_plugins.services.loopback.probing import is_ready
from aml_plugins.services.loopback.programs import Program
from aml_plugins.services.variables import scoring_variables
from aml_plugins.store.records import ServiceRecord

__all__ = ["LocalService"]

_TAIL_LINES = 15
_NOT_INHERITED = ("AML_", "AZUREML_", "MLFLOW_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "SCORING_", "SERVICE_")


class LocalService(LoopbackService):
    """A process group a deployment."""

    type_name: ClassVar[str] = "local"

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        check_layers(spec.image)
        check_capture(self.context, spec.service.workspace, getattr(spec.config, "capture", False))
        return {
            "key": spec.key,
            "image": spec.image.digest,
            "workers": spec.replicas,
            "variables": sorted(spec.config.variables),
        }

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        directory = self.place(self._handle(spec.key, spec.service))
        program = Program(directory / "server")
        if not program.is_alive:
            self._lay_out(spec, directory)
            python = self._python(spec, directory)
            (directory / "ports.json").unlink(missing_ok=True)
            program.start(
                self._command(spec, python, directory),
                self._environment(spec, directory),
                directory / "root" / APP_ROOT,
            )
        return self._handle(spec.key, spec.service)

    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        handle = self._handle(key, service)
        return handle if self.place(handle).exists() else None

    def status(self, handle: JsonObject) -> DeploymentStatus:
        program = self._program(handle)
        if not program.is_alive:
            tail = program.tail(_TAIL_LINES)
            reason = f"Its process ended. Its last lines:\n{tail}" if tail else "Its process ended."
            return DeploymentStatus(state=DeploymentState.FAILED, reason=reason)
        ports = self._ports(handle)
        if "health" in ports and is_ready(ports["health"]):
            return DeploymentStatus(state=DeploymentState.READY)
        return DeploymentStatus(state=DeploymentState.PENDING, reason="It is loading.")

    def port_of(self, handle: JsonObject) -> int | None:
        return self._ports(handle).get("main")

    def health_port_of(self, handle: JsonObject) -> int | None:
        return self._ports(handle).get("health")

    def delete(self, handle: JsonObject) -> None:
        self._program(handle).stop(grace=float(str(handle.get("drain_seconds", 30))) + 10)
        shutil.rmtree(self.place(handle), ignore_errors=True)

    def logs(self, handle: JsonObject, lines: int) -> str:
        return self._program(handle).tail(lines)

    def _lay_out(self, spec: DeploymentSpec, directory: Path) -> None:
        """Put the image's own files where the server finds them: all or nothing."""
        root = directory / "root"
        if root.exists():
            return
        partial = directory / "root.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        layout = image_layout(self.context)
        datastore = default_datastore(self.context, spec.image.workspace)
        for digest in own_layers(spec.image):
            fetch_blob(datastore, layout, digest)
            with tarfile.open(layout.path(digest)) as archive:
                archive.extractall(partial, filter="data")
        (partial / APP_ROOT).mkdir(parents=True, exist_ok=True)
        for entry in server_entries():
            target = partial / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(entry.source), target)
        partial.rename(root)

    def _python(self, spec: DeploymentSpec, directory: Path) -> str:
        environment = spec.image.config["environment"]
        assert isinstance(environment, Mapping)  # noqa: S101  as images write it
        if environment.get("kind", "existing") == "existing":
            return str(environment.get("interpreter") or sys.executable)
        with (directory / "environment.log").open("wb") as log:
            wanted = serving_environment(environment)
            return prepare_environment(wanted, self.context.home / "environments", log).python

    def _command(self, spec: DeploymentSpec, python: str, directory: Path) -> list[str]:
        places = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--health_port",
            "0",
            "--ports_file",
            str(directory / "ports.json"),
        ]
        return [python, "-m", "aml_scoring", *places, "--worker_count", str(spec.replicas)]

    def _environment(self, spec: DeploymentSpec, directory: Path) -> dict[str, str]:
        root = directory / "root"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        given = spec.image.config.get("variables")
        image = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
        more: dict[str, Any] = {}
        if spec.config.auth:
            self.keys(spec.service)
            more["AML_SCORING_KEYS_FILE"] = str(self.keys_file(spec.service.service_id))
        if getattr(spec.config, "capture", False):
            more["AML_SCORING_CAPTURE_DIRECTORY"] = str(self.directory(spec.service.service_id) / FOLDER)
        return {
            **inherited,
            "PYTHONPATH": str(root / "opt/aml/server"),
            "PYTHONUNBUFFERED": "1",
            "AML_APP_ROOT": str(root / APP_ROOT),
            **_served(spec, root),
            "AZUREML_MODEL_DIR": _model_directory(spec),
            **image,
            **scoring_variables(self.context, spec),
            **more,
        }

    def _handle(self, key: str, service: ServiceRecord) -> JsonObject:
        config = service.desired.get("config")
        drain = config.get("drain_seconds", 30) if isinstance(config, Mapping) else 30
        return {"key": key, "service_id": service.service_id, "drain_seconds": drain}

    def _program(self, handle: JsonObject) -> Program:
        return Program(self.place(handle) / "server")

    def _ports(self, handle: JsonObject) -> dict[str, int]:
        return read_ports(self.place(handle) / "ports.json")


def _served(spec: DeploymentSpec, root: Path) -> dict[str, str]:
    """Return the variable that says what is served: a script, or an MLflow model without one."""
    if spec.image.config.get("mlflow_model"):
        models = root / APP_ROOT / "azureml-models"
        return {"AML_SCORING_MLFLOW_MODEL": str(models / str(spec.image.config["mlflow_model"]))}
    return {"AZUREML_ENTRY_SCRIPT": str(spec.image.config["entry_script"])}


def _model_directory(spec: DeploymentSpec) -> str:
    models = spec.image.models if isinstance(spec.image.models, (list, tuple)) else ()
    named = [model for model in models if isinstance(model, Mapping)]
    inside = f"/{named[0]['name']}/{named[0]['version']}" if len(named) == 1 else ""
    return f"azureml-models{inside}"
