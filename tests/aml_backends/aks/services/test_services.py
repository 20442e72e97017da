"""What services on Kubernetes have besides the kit: addresses, https, autoscaling, words for what a cluster refuses."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import urllib3
from services.azurite import Azurite
from services.captured import captured_inputs
from services.certificates import write_certificate
from services.kubernetes import Kubernetes
from services.pod_metrics import pod_metrics

from aml_backends.aks.backend import AksBackend
from aml_backends.aks.cluster import Cluster
from aml_plugins import Image, InferenceConfig, Service, Workspace
from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.testing.service_kit.base import ECHO
from aml_plugins.testing.service_kit.load import constant_load
from aml_plugins.testing.waiting import wait_until

pytestmark = [pytest.mark.xdist_group("kubernetes"), pytest.mark.timeout(900)]
SMALL = {"cpu": "10m", "memory": "32Mi", "drain_seconds": 5}
REACHABLE = {**SMALL, "exposure": "NodePort", "front_replicas": 1, "timeout_seconds": 600}


@pytest.fixture
def image(workspace: Workspace, image_options: dict[str, Any], tmp_path: Path) -> Callable[..., Image]:
    def make(script: str = ECHO.format(version=1), **options: Any) -> Image:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "score.py").write_text(script)
        inference = InferenceConfig("score.py", source)
        return Image.create(workspace, "iris-svc", models=[], inference=inference, **{**image_options, **options})

    return make


@pytest.fixture(autouse=True)
def _tidy(workspace: Workspace) -> Iterator[None]:
    yield
    for service in Service.list(workspace):
        with suppress(Exception):
            service.delete()


@pytest.fixture
def cluster(workspace: Workspace) -> Cluster:
    backend = workspace.context.backends.get(workspace.name, "prod")
    assert isinstance(backend, AksBackend)
    return backend.cluster


@pytest.fixture
def tight(kubernetes: Kubernetes) -> Iterator[str]:
    """A namespace that may have no pods."""
    from kubernetes.client import CoreV1Api
    from kubernetes.config import new_client_from_config

    with new_client_from_config(str(kubernetes.kubeconfig)) as client:
        api = CoreV1Api(client)
        api.create_namespace({"metadata": {"name": "tight"}})
        api.create_namespaced_resource_quota("tight", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}})
        yield "tight"
        api.delete_namespace("tight")


def front_of(service: Service) -> str:
    return f"aml-{service.record.service_id[:20]}-front"


def test_a_load_balancers_address_is_waited_for_and_serves_https(
    workspace: Workspace, image, cluster: Cluster, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    certificate, key = write_certificate(tmp_path)
    data = {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}
    encoded = {name: base64.b64encode(value).decode() for name, value in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "iris-tls"}, "type": "kubernetes.io/tls"}
    cluster.apply(secret | {"data": encoded})
    service = image().deploy("iris", target="prod", tls_secret="iris-tls", replicas=1, timeout_seconds=600, **SMALL)
    waiting = threading.Thread(target=service.wait_for_deployment)
    waiting.start()
    reason = "The cluster has not given it an address yet."
    wait_until(lambda: Service.get(workspace, "iris").record.reason == reason)
    # The tests are the cloud: they give the Service an address of the pods' network.
    address = f"{kubernetes.address.rpartition('.')[0]}.250"
    status = {"loadBalancer": {"ingress": [{"ip": address}]}}
    cluster._call("CoreV1Api", "patch_namespaced_service_status", front_of(service), "default", {"status": status})
    waiting.join()
    assert service.refresh().scoring_uri == f"https://{address}/score"
    context = ssl.create_default_context(cafile=str(certificate))
    pool = urllib3.PoolManager(ssl_context=context, assert_hostname="localhost")
    answer = pool.request("POST", str(service.scoring_uri), body=b'"x"', headers={"Content-Type": "application/json"})
    assert answer.json()["version"] == 1
    cluster.delete("secret", "iris-tls")


def test_an_image_that_its_registry_keeps_is_told_in_words_and_the_old_version_serves_on(
    workspace: Workspace, image, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = image().deploy("iris", target="prod", exposure="NodePort", wait=True, **SMALL)
    second = image(ECHO.format(version=2))
    monkeypatch.setenv("REGISTRY_PASSWORD", "wrong")
    with pytest.raises(OperationFailedError, match=r"iris-svc:1 serves on\. The image cannot be pulled"):
        service.update(image=second, wait=True)
    assert service.run("x")["version"] == 1
    assert service.state == "Healthy"


def test_a_quota_is_told_in_words(workspace: Workspace, image, kubernetes: Kubernetes, tight: str) -> None:
    workspace.attach_compute("aks", "tight", kubeconfig=str(kubernetes.kubeconfig), namespace=tight)
    with pytest.raises(OperationFailedError, match=r"The cluster refuses its pods: .*exceeded quota: small"):
        image().deploy("iris", target="tight", wait=True, **SMALL)
    with pytest.raises(InvalidInputError, match="The services iris live on the compute target 'tight'"):
        workspace.detach_compute("tight")
    Service.get(workspace, "iris").delete()
    workspace.detach_compute("tight")


def test_the_front_may_lose_a_pod(workspace: Workspace, image, cluster: Cluster) -> None:
    """A pod that is evicted asks its callers to connect anew, and serves until they have."""
    service = image().deploy("iris", target="prod", exposure="NodePort", wait=True, **SMALL)
    labels = f"aml-plugins/service={service.record.service_id},aml-plugins/role=front"
    first = next(iter(cluster.list("pod", labels)))["metadata"]["name"]
    with constant_load(str(service.scoring_uri)) as load:
        cluster.delete("pod", first)
        wait_until(lambda: cluster.find("pod", first) is None)
        load.wait_for_more()
    assert load.failures == []


def test_images_without_a_registry_and_types_without_a_target_are_refused(workspace: Workspace, image) -> None:
    with pytest.raises(InvalidInputError, match="is in no registry: a cluster cannot pull it"):
        image(registry=None).deploy("iris", target="prod")
    with pytest.raises(InvalidInputError, match=r"lives on a compute target of that type.*aml compute attach aks NAME"):
        image().deploy("iris", target="aks")
    with pytest.raises(InvalidInputError, match="needs 'host'"):
        image().deploy("iris", target="prod", exposure="Ingress")
    assert Service.list(workspace) == []


def test_an_ingress_and_special_hardware_are_planned(workspace: Workspace, image) -> None:
    from aml_plugins.services.types import load_backend
    from aml_plugins.testing.service_kit.base import spec_of

    settings = {"exposure": "Ingress", "host": "iris.example.com", "tls_secret": "iris-tls", "ingress_class": "nginx"}
    more = {"gpu": 1, "extended": '{"xilinx.com/fpga-xilinx_u250": "1"}'}
    service = image().deploy("iris", target="prod", **settings, **more)
    plan: Any = load_backend(workspace.context, "aks").plan(spec_of(load_backend(workspace.context, "aks"), service))
    ingress = next(one for one in plan["front"] if one["kind"] == "Ingress")
    assert ingress["spec"]["rules"][0]["host"] == "iris.example.com"
    assert ingress["spec"]["tls"] == [{"hosts": ["iris.example.com"], "secretName": "iris-tls"}]
    assert next(one for one in plan["front"] if one["kind"] == "Service")["spec"]["type"] == "ClusterIP"
    deployment = next(one for one in plan["version"] if one["kind"] == "Deployment")
    limits = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"nvidia.com/gpu": "1", "xilinx.com/fpga-xilinx_u250": "1"}


def test_autoscaling_leaves_the_number_of_pods_to_the_cluster(workspace: Workspace, image) -> None:
    from aml_plugins.services.types import load_backend
    from aml_plugins.testing.service_kit.base import spec_of

    settings = {"autoscale": True, "autoscale_min_replicas": 2, "autoscale_target_utilization": 60}
    service = image().deploy("iris", target="prod", **settings)
    plan: Any = load_backend(workspace.context, "aks").plan(spec_of(load_backend(workspace.context, "aks"), service))
    found = {one["kind"]: one for one in plan["version"]}
    assert "replicas" not in found["Deployment"]["spec"]
    scaler = found["HorizontalPodAutoscaler"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 10)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_what_a_service_scored_is_in_the_datastore(
    workspace: Workspace, image, datastore_settings: dict[str, str], azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", azurite.key)
    with pytest.raises(InvalidInputError, match="they have no way to it"):
        image().deploy("iris", target="prod", capture=True, **SMALL)
    workspace.register_datastore("azure-blob", "kept", **datastore_settings)
    service = image().deploy("iris", target="prod", capture="kept", wait=True, **REACHABLE)
    for number in range(3):
        service.run({"n": number})
    service.delete()  # a pod that ends sends what it has
    assert captured_inputs(workspace, "kept", "iris", 3) == [{"n": 0}, {"n": 1}, {"n": 2}]


BUSY = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass
    return {"version": 1, "data": data}
"""


def test_pods_follow_the_load_and_no_request_fails(
    workspace: Workspace, image, cluster: Cluster, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    # A pod that nobody calls uses a few thousandths: its probes.
    scaling = {"cpu": "50m", "autoscale": True, "autoscale_max_replicas": 3, "autoscale_target_utilization": 50}
    with pod_metrics(kubernetes, tmp_path):
        service = image(BUSY).deploy("iris", target="prod", wait=True, **{**REACHABLE, **scaling})
        name = f"aml-{service.record.deployments[0]['handle']['key']}"
        ready = lambda: int(cluster.find("deployment", name)["status"].get("readyReplicas") or 0)  # noqa: E731
        wait_until(lambda: ready() == 1, 600)  # to start is work, too
        with constant_load(service.scoring_uri) as load:
            wait_until(lambda: ready() >= 2, 600)
            load.wait_for_more()
        with constant_load(service.scoring_uri, pause=2.0) as light:
            wait_until(lambda: ready() == 1, 600)
            light.wait_for_more(4)
    assert load.failures == []
    assert light.failures == []
