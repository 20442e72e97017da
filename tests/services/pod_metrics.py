"""Kubernetes' metrics server, for autoscaling: it asks the kubelet of a cluster of the tests how busy pods are."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.kubernetes import Kubernetes

__all__ = ["running_metrics_server"]

_START_SECONDS = 240
_NAME = "metrics-server"
_GROUP = "metrics.k8s.io"


@contextmanager
def running_metrics_server(programs: Path, cluster: Kubernetes) -> Iterator[None]:
    """Start it on the pods' network, and have the cluster pass requests for metrics on to it."""
    with socket.socket() as found:
        found.bind((cluster.address, 0))
        port = found.getsockname()[1]
    _apply(cluster, _objects(cluster.address, port))
    kubeconfigs = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    flags = [
        *(f"--{name}={cluster.kubeconfig}" for name in kubeconfigs),
        f"--bind-address={cluster.address}",
        f"--secure-port={port}",
        f"--cert-dir={cluster.directory / _NAME}",
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
    ]
    with (cluster.directory / f"{_NAME}.log").open("wb") as log:
        process = subprocess.Popen([programs / _NAME, *flags], stdout=log, stderr=log)
    try:
        _await(cluster)
        yield
    finally:
        process.kill()
        process.wait()


def _objects(address: str, port: int) -> list[Mapping[str, Any]]:
    """A Service without pods, and who may ask: the cluster passes requests on without an identity."""
    place = {"name": _NAME, "namespace": "kube-system"}
    ports = [{"name": "https", "port": 443, "targetPort": port}]
    slice_ports = [{"name": "https", "port": port}]
    labels = {"kubernetes.io/service-name": _NAME}
    rules = [{"apiGroups": [_GROUP], "resources": ["pods", "nodes"], "verbs": ["get", "list"]}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _NAME}
    anybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": place, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**place, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": slice_ports,
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"v1beta1.{_GROUP}"},
            "spec": {
                "group": _GROUP,
                "version": "v1beta1",
                "service": place,
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": place, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": place,
            "roleRef": role,
            "subjects": [anybody],
        },
    ]


def _apply(cluster: Kubernetes, objects: list[Mapping[str, Any]]) -> None:
    from kubernetes.config import new_client_from_config
    from kubernetes.utils import create_from_dict

    with new_client_from_config(str(cluster.kubeconfig)) as client:
        for one in objects:
            create_from_dict(client, one)


def _await(cluster: Kubernetes) -> None:
    from kubernetes.client import CustomObjectsApi
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import new_client_from_config

    until, said = time.monotonic() + _START_SECONDS, ""
    with new_client_from_config(str(cluster.kubeconfig)) as client:
        while time.monotonic() < until:
            try:
                if CustomObjectsApi(client).list_cluster_custom_object(_GROUP, "v1beta1", "nodes")["items"]:
                    return
            except ApiException as error:
                said = str(error)
            time.sleep(1)
    log = (cluster.directory / f"{_NAME}.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The metrics server has no metrics: {said}\n{log}")
