"""The cluster on Azure: its kubeconfig, its creation, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_backends.azure.owned_cluster import ClusterSeen
from aml_backends.azure.resources import ResourceId, client_options, in_words
from aml_plugins.errors import BackendError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AzureCluster"]


class AzureCluster:
    """One managed cluster of Azure Resource Manager.

    :param resource_id: as the portal shows it.
    :param endpoint: where Azure Resource Manager is.
    :param authority: who gives tokens, None for Azure's public one.
    """

    def __init__(self, resource_id: ResourceId, endpoint: str, authority: str | None = None) -> None:
        self._place = resource_id.group, resource_id.name
        self._what = f"the cluster '{resource_id.name}'"
        self._client = _client(resource_id.subscription, endpoint, authority)

    def kubeconfig(self) -> str:
        """Return the kubeconfig of the cluster's users.

        :raises BackendError: where there is no such cluster, or Azure gives none.
        """
        from azure.core.exceptions import ResourceNotFoundError

        with in_words(self._what):
            try:
                given = self._client.managed_clusters.list_cluster_user_credentials(*self._place)
            except ResourceNotFoundError:
                raise BackendError(
                    f"Azure knows nothing of {self._what} in resource group '{self._place[0]}'.",
                    "Correct the target's resource_id, or create the cluster with: aml compute create aks",
                ) from None
        first = next(iter(given.kubeconfigs or ()), None)
        if first is None or first.value is None:
            raise BackendError(f"Azure gives no kubeconfig of {self._what}.")
        return bytes(first.value).decode()

    def look(self) -> ClusterSeen | None:
        """Return the cluster as Azure has it, None where there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with in_words(self._what):
            try:
                found = self._client.managed_clusters.get(*self._place)
            except ResourceNotFoundError:
                return None
        return ClusterSeen(str(found.provisioning_state), dict(found.tags or {}))

    def create(self, body: Mapping[str, Any]) -> None:
        """Ask for the cluster, and return."""
        with in_words(self._what):
            self._client.managed_clusters.begin_create_or_update(*self._place, dict(body), polling=False)

    def delete(self) -> None:
        """Ask for the cluster's end, and return."""
        with in_words(self._what):
            self._client.managed_clusters.begin_delete(*self._place, polling=False)


def _client(subscription: str, endpoint: str, authority: str | None) -> Any:
    try:
        from azure.mgmt.containerservice import ContainerServiceClient
    except ImportError:
        raise MissingExtraError("A cluster by its resource id", "aks") from None
    return ContainerServiceClient(subscription_id=subscription, **client_options(endpoint, authority))
