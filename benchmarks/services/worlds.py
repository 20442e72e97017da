"""Where services can be deployed: each world is a workspace with a target, as the tests have it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.bridges import bridge_name, own_bridge
from services.container_registry import PASSWORD, USER, find_program, running_registry
from services.docker_engine import find_engine, running_engine
from services.kubernetes import find_programs, running_kubernetes
from services.resolving import resolved

from aml_plugins import Workspace
from aml_plugins.secrets.stores import register_secret_store

__all__ = ["WORLDS", "World"]


@dataclass(frozen=True)
class World:
    """A workspace, and how to deploy in it."""

    workspace: Workspace
    target: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    image_options: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def local() -> Iterator[World]:
    yield World(Workspace.get(), "local")


@contextmanager
def docker() -> Iterator[World]:
    with running_engine(find_engine() or "") as engine:
        os.environ["DOCKER_HOST"] = engine.address
        yield World(Workspace.get(), "docker", {} if engine.network == "bridge" else {"network": "host"})


@contextmanager
def aks() -> Iterator[World]:
    directory = Path(tempfile.mkdtemp(prefix="aml-k8s-"))
    with _registry() as options, running_kubernetes(_found(find_programs()), directory, with_services=True) as cluster:
        workspace = Workspace.get()
        workspace.attach_compute("aks", "cluster", kubeconfig=str(cluster.kubeconfig))
        yield World(workspace, "cluster", {"exposure": "NodePort", "cpu": "10m", "memory": "32Mi"}, options)


@contextmanager
def aci() -> Iterator[World]:
    from aml_plugins.testing.azure_emulator import AzureEmulator, Settings

    with ExitStack() as stack:
        options = stack.enter_context(_registry())
        bridge = bridge_name(stack.enter_context(own_bridge()))
        os.environ["DOCKER_HOST"] = stack.enter_context(running_engine(find_engine() or "", bridge)).address
        azure = stack.enter_context(AzureEmulator(Settings()))
        identity = {"AZURE_TENANT_ID": azure.settings.tenant, "AZURE_CLIENT_ID": "benchmark"}
        os.environ |= {**identity, "AZURE_CLIENT_SECRET": "none", "REQUESTS_CA_BUNDLE": str(azure.certificate)}
        workspace = Workspace.get()
        register_secret_store(workspace.context, workspace.name, "file", "team", {})
        place = {"endpoint": azure.https_url, "authority": azure.https_url}
        workspace.attach_compute(
            "aci", "cloud", subscription=azure.settings.subscription, resource_group="benchmark", **place
        )
        stack.enter_context(resolved(workspace, "cloud"))
        yield World(workspace, "cloud", {"memory_gb": 0.5}, options)


@contextmanager
def _registry() -> Iterator[dict[str, Any]]:
    os.environ["REGISTRY_PASSWORD"] = PASSWORD
    with (
        tempfile.TemporaryDirectory(prefix="aml-registry-") as directory,
        running_registry(find_program() or "", Path(directory)) as address,
    ):
        password = "secret://env/REGISTRY_PASSWORD"
        yield {"registry": {"address": f"http://{address}", "username": USER, "password": password}}


def _found(programs: Path | None) -> Path:
    if programs is None:
        raise SystemExit("There are no programs of Kubernetes: tools/kubernetes install")
    return programs


WORLDS = {"local": local, "docker": docker, "aks": aks, "aci": aci}
