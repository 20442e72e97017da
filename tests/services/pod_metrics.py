"""What a cluster's autoscaler asks for: the processors' use of pods, by the metrics API, from what the kubelet counts.

A cluster has the program metrics-server for it. This does the same for the tests' cluster: it reads
``/metrics/resource`` of the node twice and answers with the difference. ``metrics.k8s.io/v1beta1`` of Kubernetes'
reference has the form of the answers.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.certificates import server_context, write_certificate
from services.kubernetes import Kubernetes

__all__ = ["pod_metrics"]

_VERSION = "metrics.k8s.io/v1beta1"
_COUNTER = re.compile(
    r'^container_cpu_usage_seconds_total\{container="(?P<container>[^"]*)",namespace="(?P<namespace>[^"]*)",'
    r'pod="(?P<pod>[^"]*)"\} (?P<seconds>\S+) (?P<at>\d+)$',
    re.MULTILINE,
)
_PODS = re.compile(rf"/apis/{_VERSION}/namespaces/(?P<namespace>[^/]+)/pods")

Sample = tuple[float, float]


class _Source:
    """Two readings of every container, the newer one at most."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._before: dict[tuple[str, str, str], Sample] = {}
        self._now: dict[tuple[str, str, str], Sample] = {}
        self._lock = threading.Lock()

    def pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        with self._lock:
            self._read()
            found = self._api.list_namespaced_pod(namespace, label_selector=selector).items
            return [shown for pod in found if (shown := self._of_pod(namespace, pod.metadata.name))]

    def _read(self) -> None:
        text = self._api.connect_get_node_proxy_with_path("node-1", "metrics/resource")
        for match in _COUNTER.finditer(text):
            key = match["namespace"], match["pod"], match["container"]
            sample = float(match["seconds"]), int(match["at"]) / 1000
            if key not in self._now or sample[1] > self._now[key][1]:
                self._before[key] = self._now.get(key, sample)
                self._now[key] = sample

    def _of_pod(self, namespace: str, pod: str) -> dict[str, Any] | None:
        containers, taken = [], 0.0
        for key, (seconds, at) in self._now.items():
            before = self._before[key]
            if key[:2] == (namespace, pod) and at > before[1]:
                cores = (seconds - before[0]) / (at - before[1])
                containers.append({"name": key[2], "usage": {"cpu": f"{int(cores * 1e9)}n", "memory": "0"}})
                taken = at
        if not containers:
            return None
        metadata = {"name": pod, "namespace": namespace}
        when = datetime.fromtimestamp(taken, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"metadata": metadata, "timestamp": when, "window": "10s", "containers": containers}


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source: _Source

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = _PODS.fullmatch(parts.path)
        if found:
            selector = parse_qs(parts.query).get("labelSelector", [""])[0]
            items = self.source.pods(found["namespace"], selector)
            self._answer({"kind": "PodMetricsList", "apiVersion": _VERSION, "metadata": {}, "items": items})
        elif parts.path == f"/apis/{_VERSION}":
            pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["list"]}
            self._answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _VERSION, "resources": [pods]})
        else:
            self._answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}, 404)

    def _answer(self, value: Mapping[str, Any], status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def pod_metrics(kubernetes: Kubernetes, directory: Path) -> Iterator[None]:
    """Give a cluster the metrics API for as long as this lasts."""
    from kubernetes.client import ApiregistrationV1Api, CoreV1Api
    from kubernetes.config import new_client_from_config

    with new_client_from_config(str(kubernetes.kubeconfig)) as client:
        api, registered = CoreV1Api(client), ApiregistrationV1Api(client)
        handler = type("_AnsweringHere", (_Answering,), {"source": _Source(api)})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            context = server_context(*write_certificate(directory))
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            # The API server asks a Service of this kind by its name, which is this machine's loopback.
            spec = {"type": "ExternalName", "externalName": "localhost"}
            api.create_namespaced_service("kube-system", {"metadata": {"name": "pod-metrics"}, "spec": spec})
            port = server.server_address[1]
            group, _, version = _VERSION.partition("/")
            service = {"name": "pod-metrics", "namespace": "kube-system", "port": port}
            registered.create_api_service(
                {
                    "metadata": {"name": f"{version}.{group}"},
                    "spec": {
                        "group": group, "version": version, "service": service, "insecureSkipTLSVerify": True,
                        "groupPriorityMinimum": 100, "versionPriority": 100,
                    },
                }
            )  # fmt: skip
            try:
                yield
            finally:
                registered.delete_api_service(f"{version}.{group}")
                api.delete_namespaced_service("pod-metrics", "kube-system")
                server.shutdown()
                thread.join()
