"""The cluster that a target's settings describe: what Azure is asked for, its creation, its end."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aml_backends.azure.owned_cluster import OwnedCluster
from aml_backends.azure.resources import ResourceId, marks
from aml_backends.hdinsight.config import RESOURCE_TYPE, HDInsightConfig
from aml_backends.hdinsight.creation import HIDDEN, HDInsightCreation, cluster_body, storage_account
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.compute import ComputeTarget, JsonObject

__all__ = ["TargetCluster"]


class TargetCluster:
    """A target's own cluster. Making one asks nobody anything."""

    def __init__(self, target: ComputeTarget, config: HDInsightConfig) -> None:
        self._target = target
        self._config = config
        self._marks = marks(target.workspace, target.name)

    def plan(self) -> JsonObject:
        """Return the cluster as it is asked for, without its passwords and keys."""
        return cluster_body(self._wanted(), self._marks, (self._config.user, HIDDEN), self._storage(HIDDEN))

    def ensure(self) -> bool:
        """Go on creating the cluster; return whether it is ready."""
        return self._owned.ensure(self.whole_request)

    def delete(self) -> bool:
        """Go on deleting the cluster that this target created; return whether there is none of ours."""
        return self._owned.delete()

    @cached_property
    def _owned(self) -> OwnedCluster:
        from aml_backends.hdinsight.provisioning import AzureCluster  # noqa: PLC0415  a cloud SDK

        config = self._config
        place = ResourceId.parse(config.resource_id or "", RESOURCE_TYPE)
        azure = AzureCluster(place, config.endpoint, config.authority)
        return OwnedCluster(azure, config.resource_id, self._target.workspace, self._target.name)

    def _wanted(self) -> HDInsightCreation:
        config = self._config
        if config.resource_id is None or config.create is None:
            raise InvalidInputError(
                f"The settings of '{self._target.name}' do not say what cluster to create.",
                "Give its resource_id, its location, and its ssh_public_key.",
            )
        return config.create

    def whole_request(self) -> JsonObject:
        """Return the request with what a plan hides."""
        wanted, config, secret = self._wanted(), self._config, self._target.secret
        storage = self._storage(secret(config.storage_options.get("account_key", "")))
        password = secret(wanted.ssh_password) if wanted.ssh_password else None
        return cluster_body(wanted, self._marks, (config.user, secret(config.password or "")), storage, password)

    def _storage(self, key: str) -> JsonObject:
        """Return the cluster's storage.

        :raises InvalidInputError: where the settings do not name all of it.
        """
        found = storage_account(self._config.staging, key)
        if found is None or "account_key" not in self._config.storage_options or self._config.password is None:
            raise InvalidInputError(
                f"A cluster for '{self._target.name}' needs a storage account and a password for its gateway.",
                "Set staging to abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER; account_key in storage_options, "
                "and password, to secret:// references.",
            )
        return found
