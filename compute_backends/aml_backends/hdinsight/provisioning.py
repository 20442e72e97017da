"""The cluster on Azure: its creation, how it is, its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aml_backends.azure.owned_cluster import ClusterSeen
from aml_backends.azure.resources import ResourceId, client_options, in_words
from aml_plugins.errors import MissingExtraError

__all__ = ["AzureCluster"]


class AzureCluster:
    """One HDInsight cluster of Azure Resource Manager.

    :param endpoint: where Azure Resource Manager is.
    :param authority: who gives tokens, None for Azure's public one.
    """

    def __init__(self, resource_id: ResourceId, endpoint: str, authority: str | None = None) -> None:
        try:
            from azure.mgmt.hdinsight import HDInsightManagementClient
        except ImportError:
            raise MissingExtraError("A cluster by its resource id", "hdinsight") from None
        self._place = resource_id.group, resource_id.name
        self._what = f"the cluster '{resource_id.name}'"
        options = client_options(endpoint, authority)
        self._clusters = HDInsightManagementClient(subscription_id=resource_id.subscription, **options).clusters

    def look(self) -> ClusterSeen | None:
        """Return the cluster as Azure has it, None where there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with in_words(self._what):
            try:
                found = self._clusters.get(*self._place)
            except ResourceNotFoundError:
                return None
        about: Any = found.properties
        errors = [str(one.message or one.code) for one in about.errors or ()]
        return ClusterSeen(str(about.provisioning_state), found.tags or {}, errors)

    def create(self, body: Mapping[str, Any]) -> None:
        """Ask for the cluster, and return."""
        content: Any = json.dumps(body).encode()  # the SDK would want its own names
        with in_words(self._what):
            self._clusters.begin_create(*self._place, content, polling=False)

    def delete(self) -> None:
        """Ask for the cluster's end, and return."""
        with in_words(self._what):
            self._clusters.begin_delete(*self._place, polling=False)
