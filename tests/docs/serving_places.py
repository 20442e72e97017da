"""Where pages deploy services to: a cluster with a cloud around it, resource groups whose names are known."""

from __future__ import annotations

import base64
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from services.azure import identity
from services.certificates import write_certificate
from services.container_registry import INSTALL as REGISTRY
from services.container_registry import PASSWORD, find_program, running_registry
from services.docker_engine import DockerEngine
from services.kubernetes import Kubernetes
from services.requirements import require_service
from services.resolving import named_for_children

from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["readers_cloud", "readers_groups", "readers_registry"]

SMALL = "--set cpu=10m --set memory=32Mi --set front_replicas=1 --set drain_seconds=1 --timeout 1200"
DEVICES = ("nvidia.com/gpu", "xilinx.com/fpga-xilinx_u250")


@pytest.fixture
def readers_registry(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A registry in place of the one that a page names."""
    program = find_program()
    require_service("A container registry", program, REGISTRY)
    (directory := tmp_path / "registry").mkdir()
    with running_registry(str(program), directory) as address:
        yield {"address=registry.example.com": f"address=http://{address}", "PASSWORD-OF-THE-REGISTRY": PASSWORD}


@pytest.fixture
def readers_cloud(
    kubernetes: Kubernetes, readers_registry: Mapping[str, str], reader: dict[str, str], tmp_path: Path
) -> Iterator[Mapping[str, str]]:
    """A cluster as a cloud has it: Services get addresses, the node has devices; few pods, for a small machine."""
    reader["KUBECONFIG"] = str(kubernetes.kubeconfig)
    with _namespace(kubernetes, tmp_path) as name:
        yield {
            **readers_registry,
            "--set context=prod --set namespace=scoring": f"--set namespace={name}",
            "--replicas 3": f"--replicas 1 {SMALL}",
            "min_replicas=2": "min_replicas=1",
        }


@pytest.fixture
def readers_groups(
    azure: AzureEmulator, networked_engine: DockerEngine, readers_registry: Mapping[str, str],
    reader: dict[str, str], monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Mapping[str, str]]:  # fmt: skip
    """A resource group whose container groups have names that the reader's machine can resolve."""
    variables = identity(azure)
    for name, value in {**variables, "DOCKER_HOST": networked_engine.address}.items():
        monkeypatch.setenv(name, value)
    certificate, key = write_certificate(Path.cwd())
    shutil.copy(certificate, "echo.crt")
    shutil.copy(key, "echo.key")
    with named_for_children("cloud", Path.cwd() / "names") as more:
        reader |= {**variables, **more}
        subscription, group = azure.settings.subscription, f"team-{uuid.uuid4().hex[:8]}"
        there = f"--set endpoint={azure.https_url} --set authority={azure.https_url}"
        yield {
            **readers_registry,
            "--set subscription=ID --set resource_group=team": (
                f"--set subscription={subscription} --set resource_group={group} {there}"
            ),
            "label=echo-team-a": f"label=echo-{group}",
            "echo-team-a.": f"echo-{group}.",
        }


@contextmanager
def _namespace(kubernetes: Kubernetes, directory: Path) -> Iterator[str]:
    from kubernetes.client import CoreV1Api
    from kubernetes.config import new_client_from_config

    name, over = f"scoring-{uuid.uuid4().hex[:8]}", threading.Event()
    certificate, key = write_certificate(directory)
    data = {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}
    with new_client_from_config(str(kubernetes.kubeconfig)) as client:
        api = CoreV1Api(client)
        api.create_namespace({"metadata": {"name": name}})
        secret = {"metadata": {"name": "echo-tls"}, "type": "kubernetes.io/tls"}
        encoded = {file: base64.b64encode(content).decode() for file, content in data.items()}
        api.create_namespaced_secret(name, {**secret, "data": encoded})
        (node,) = api.list_node().items
        api.patch_node_status(node.metadata.name, {"status": {"capacity": dict.fromkeys(DEVICES, "2")}})
        balancing = threading.Thread(target=_balance, args=(api, name, kubernetes.address, over))
        balancing.start()
        try:
            yield name
        finally:
            over.set()
            balancing.join()
            api.delete_namespace(name)
            none = dict.fromkeys(DEVICES)
            api.patch_node_status(node.metadata.name, {"status": {"capacity": none, "allocatable": none}})


def _balance(api: object, namespace: str, address: str, over: threading.Event) -> None:
    """Give each Service that asks for a load balancer an address of the pods' network, as a cloud would."""
    from kubernetes.client import ApiException

    ingress = [{"ip": f"{address.rpartition('.')[0]}.240"}]
    while not over.wait(0.5):
        with suppress(ApiException):
            for service in api.list_namespaced_service(namespace).items:
                if service.spec.type == "LoadBalancer" and not service.status.load_balancer.ingress:
                    status = {"status": {"loadBalancer": {"ingress": ingress}}}
                    api.patch_namespaced_service_status(service.metadata.name, namespace, status)
