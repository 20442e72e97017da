"""The cluster on Azure: its kubeconfig, its creation, its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import BackendError, InvalidInputError, MissingExtraError, TransientBackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AzureCluster", "cluster_body"]

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/.*/(?P<name>[^/]+)", re.IGNORECASE
)
_KNOWN = frozenset(
    {"location", "node_count", "vm_size", "kubernetes_version", "min_nodes", "max_nodes", "spot", "tags"}
)
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE,
                   HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR})  # fmt: skip


class AzureCluster:
    """One managed cluster of Azure Resource Manager.

    :param resource_id: as the portal shows it.
    :param endpoint: where Azure Resource Manager is.
    :param authority: who gives tokens, None for Azure's public one.
    """

    def __init__(self, resource_id: str, endpoint: str, authority: str | None = None) -> None:
        match = _ID.fullmatch(resource_id)
        assert match is not None  # noqa: S101  AksConfig checked it
        self._place = match["group"], match["name"]
        self._client = _client(match["subscription"], endpoint.rstrip("/"), authority)

    def kubeconfig(self) -> str:
        """Return the kubeconfig of the cluster's users.

        :raises BackendError: where there is no such cluster, or Azure gives none.
        """
        with _in_words(self._name):
            given = self._client.managed_clusters.list_cluster_user_credentials(*self._place)
        first = next(iter(given.kubeconfigs or ()), None)
        if first is None or first.value is None:
            raise BackendError(f"Azure gives no kubeconfig of the cluster '{self._name}'.")
        return bytes(first.value).decode()

    def state(self) -> str | None:
        """Return the provisioning state, None where there is no such cluster."""
        from azure.core.exceptions import ResourceNotFoundError

        with _in_words(self._name):
            try:
                return str(self._client.managed_clusters.get(*self._place).provisioning_state)
            except ResourceNotFoundError:
                return None

    def create(self, settings: Mapping[str, Any]) -> None:
        """Ask for the cluster, and return."""
        with _in_words(self._name):
            self._client.managed_clusters.begin_create_or_update(
                *self._place, cluster_body(self._name, settings), polling=False
            )

    def delete(self) -> None:
        """Ask for the cluster's end, and return."""
        with _in_words(self._name):
            self._client.managed_clusters.begin_delete(*self._place, polling=False)

    @property
    def _name(self) -> str:
        return self._place[1]


def cluster_body(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cluster that Azure is asked for: one pool of nodes, scaled between bounds where they are given.

    :raises InvalidInputError: for a setting that is not known, or a location that is missing.
    """
    unknown = sorted(set(settings) - _KNOWN)
    if unknown or not settings.get("location"):
        what = f"does not know {', '.join(unknown)}" if unknown else "has no location"
        raise InvalidInputError(f"The setting 'create' {what}.", f"It has: {', '.join(sorted(_KNOWN))}.")
    pool: dict[str, Any] = {
        "name": "nodes",
        "mode": "System",
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "count": int(settings.get("node_count") or settings.get("min_nodes") or 1),
        "vmSize": settings.get("vm_size") or "Standard_DS3_v2",
    }
    if "max_nodes" in settings:
        pool |= {
            "enableAutoScaling": True,
            "minCount": int(settings.get("min_nodes") or 1),
            "maxCount": int(settings["max_nodes"]),
        }
    if settings.get("spot"):
        pool |= {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "mode": "User"}
    properties: dict[str, Any] = {"dnsPrefix": name[:54], "agentPoolProfiles": [pool]}
    if settings.get("kubernetes_version"):
        properties["kubernetesVersion"] = str(settings["kubernetes_version"])
    return {
        "location": settings["location"],
        "identity": {"type": "SystemAssigned"},
        "tags": dict(settings.get("tags") or {}),
        "properties": properties,
    }


def _client(subscription: str, endpoint: str, authority: str | None) -> Any:
    try:
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.containerservice import ContainerServiceClient
    except ImportError:
        raise MissingExtraError("A cluster by its resource id", "aks") from None
    identity = {"authority": authority, "disable_instance_discovery": True} if authority else {}
    return ContainerServiceClient(
        DefaultAzureCredential(**identity),
        subscription,
        base_url=endpoint,
        credential_scopes=[_scope(endpoint)],
        retry_total=0,  # waiting is the core's
    )


def _scope(endpoint: str) -> str:
    """Public Azure's, for an address that is not that of a sovereign cloud."""
    known = endpoint.endswith((".azure.com", ".azure.cn", ".usgovcloudapi.net", ".microsoftazure.de"))
    return f"{endpoint if known else 'https://management.azure.com'}/.default"


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ResourceNotFoundError,
    )

    try:
        yield
    except ResourceNotFoundError:
        raise
    except ClientAuthenticationError as error:
        raise BackendError(
            f"Azure does not know who asks for the cluster '{name}': {_first_line(error)}.",
            "Run: az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
        ) from None
    except HttpResponseError as error:
        if error.status_code in _BUSY:
            raise TransientBackendError(f"Azure is busy: {_first_line(error)}.") from None
        raise BackendError(f"Azure refuses the cluster '{name}': {_first_line(error)}.") from None
    except AzureError as error:
        raise TransientBackendError(f"Azure cannot be reached: {_first_line(error)}.") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300].rstrip(".")
