"""Bring a service's front to where its routes are, and tell when no request goes elsewhere any more."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aml_backends.aks.services.front import CONTROL_PORT, DIGEST, front_bodies, routes_body, scheme_of
from aml_backends.aks.services.names import ROLE, SERVICE, front_name, version_name
from aml_backends.aks.services.reach import still_refuses
from aml_backends.aks.services.states import rolled_out, trouble_of
from aml_backends.aks.services.version import PORT
from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.services.contract import Route, Routing

if TYPE_CHECKING:
    from aml_backends.aks.cluster import Cluster
    from aml_backends.aks.config import AksConfig
    from aml_backends.aks.services.config import AksServiceConfig

__all__ = ["FrontOf", "poke"]

_LOOK = "aml-plugins/look"
_POKE_SECONDS = 3


@dataclass(frozen=True)
class FrontOf:
    """The front of one service."""

    cluster: Cluster
    service_id: str
    config: AksServiceConfig
    target: AksConfig

    def route(self, routes: Sequence[Route]) -> Routing:
        """Write the routes down, keep the front as it shall be, and ask each of its pods what it does."""
        version = self._write(self._table(routes))
        heaviest = max(routes, key=lambda route: route.weight)
        deployment = self._keep(str(heaviest.handle["image"]))
        pods = self._pods()
        told = [self._told(pod, version) for pod in pods]
        endpoint, waits = self._endpoint(pods)
        reason = next((words for pod in pods for words in [trouble_of(pod)] if words), waits)
        follow = bool(pods) and all(one is not None and one["version"] >= version for one in told)
        settled = follow and rolled_out(deployment) and endpoint != ""
        if settled and still_refuses(endpoint, pods):
            settled, reason = False, "Its address does not answer yet."
        busy = {key for one in told if one for key in one["busy"]}
        idle = frozenset(str(route.handle["key"]) for route in routes if route.weight == 0) - busy
        return Routing(
            endpoint=endpoint,
            is_settled=settled,
            idle=idle if settled else frozenset(),
            reason=None if settled else reason or "The front is not ready.",
        )

    def _table(self, routes: Sequence[Route]) -> list[dict[str, Any]]:
        table = []
        for route in routes:
            service = self.cluster.find("service", version_name(route.handle))
            if service is not None:
                host = service["spec"]["clusterIP"]
                table.append({"key": route.handle["key"], "host": host, "port": PORT, "weight": route.weight})
        return table

    def _write(self, table: Sequence[Mapping[str, Any]]) -> int:
        """Write the routes where they are news; return their version."""
        found = self.cluster.find("config_map", front_name(self.service_id))
        known = json.loads(found["data"]["routes.json"]) if found else {"version": 0}
        if known.get("routes") == list(table):
            return int(known["version"])
        version = int(known["version"]) + 1
        self.cluster.apply(routes_body(self.service_id, {"version": version, "routes": table}))
        return version

    def _keep(self, image: str) -> Mapping[str, Any]:
        """Make the front, or change it where its settings or its image changed."""
        name = front_name(self.service_id)
        bodies = front_bodies(self.service_id, image, self.config, self.target)
        found = self.cluster.find("deployment", name)
        wanted = bodies[-1]["metadata"]["annotations"][DIGEST]
        if found is None or (found["metadata"].get("annotations") or {}).get(DIGEST) != wanted:
            for one in bodies:
                self.cluster.apply(one)
            self._drop_others({str(one["kind"]) for one in bodies})
            found = self.cluster.find("deployment", name)
        if found is None:
            raise BackendError("The front was deleted as soon as it was there.", "See who deletes it in the cluster.")
        return found

    def _drop_others(self, kinds: set[str]) -> None:
        for kind, name in (("Ingress", "ingress"), ("PodDisruptionBudget", "pod_disruption_budget")):
            if kind not in kinds:
                self.cluster.delete(name, front_name(self.service_id))

    def _pods(self) -> list[dict[str, Any]]:
        """Return the front's pods; one that is to end counts while it may have requests."""
        pods = self.cluster.list("pod", f"{SERVICE}={self.service_id},{ROLE}=front")
        return [pod for pod in pods if pod["status"].get("phase") not in {"Succeeded", "Failed"}]

    def _told(self, pod: Mapping[str, Any], version: int) -> dict[str, Any] | None:
        """Ask a pod which routes it follows; have the cluster show it those of now where it does not yet."""
        name = str(pod["metadata"]["name"])
        try:
            answer = self.cluster.ask_pod(name, CONTROL_PORT, "state", scheme=scheme_of(self.config))
            told: dict[str, Any] = json.loads(answer)
        except (BackendError, ValueError):
            return None
        if told["version"] < version:
            poke(self.cluster, pod, version)
        return told

    def _endpoint(self, pods: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
        """Return the service's address, empty where it has none yet; and what it waits for."""
        config, name = self.config, front_name(self.service_id)
        if config.exposure == "Ingress":
            return f"{'https' if config.tls_secret else 'http'}://{config.host}", None
        service = self.cluster.find("service", name)
        if service is None:
            raise TransientBackendError("The front's Service was deleted.", "It is made again.")
        port = service["spec"]["ports"][0]["port"]
        host: str | None = f"{name}.{self.target.namespace}.svc"
        if config.exposure == "NodePort":
            port = service["spec"]["ports"][0].get("nodePort")
            host = next((str(pod["status"]["hostIP"]) for pod in pods if pod["status"].get("hostIP")), None)
        elif config.exposure == "LoadBalancer":
            given = (service["status"].get("loadBalancer") or {}).get("ingress") or [{}]
            host = given[0].get("ip") or given[0].get("hostname")
        if not host or not port:
            return "", "The cluster has not given it an address yet."
        usual = {"http": 80, "https": 443}[scheme_of(config)]
        shown = "" if port == usual else f":{port}"
        return f"{scheme_of(config)}://{config.host or host}{shown}", None


def poke(cluster: Cluster, pod: Mapping[str, Any], version: int | str) -> None:
    """Have a pod's node look at the pod's files again: it does so when the pod changes, else once a minute or so."""
    mark = f"{version}-{int(time.time() / _POKE_SECONDS)}"
    metadata = pod["metadata"]
    if (metadata.get("annotations") or {}).get(_LOOK) != mark:
        cluster.patch("pod", metadata["name"], {"metadata": {"annotations": {_LOOK: mark}}})
