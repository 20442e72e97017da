"""Clusters that compute targets create with Azure Resource Manager, and delete again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aml_backends.azure.resources import has_marks
from aml_plugins.errors import AlreadyExistsError, BackendError

__all__ = ["ClusterApi", "ClusterSeen", "OwnedCluster"]

_ENDED_BADLY = frozenset({"Failed", "Canceled"})


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """One look at a cluster.

    :param state: Azure's word for how far its provisioning is, such as ``Succeeded``.
    :param errors: what went wrong with that, in Azure's words.
    """

    state: str
    tags: Mapping[str, str]
    errors: Sequence[str] = ()


class ClusterApi(Protocol):
    """One cluster of Azure Resource Manager, whichever service it is of. Each method asks, and returns."""

    def look(self) -> ClusterSeen | None: ...

    def create(self, body: Mapping[str, Any]) -> None: ...

    def delete(self) -> None: ...


class OwnedCluster:
    """A cluster that a compute target may create and delete: by its tags it is known again, and others' are let be.

    :param resource_id: as the target's settings have it.
    """

    def __init__(self, azure: ClusterApi, resource_id: str | None, workspace: str, target: str) -> None:
        self._azure = azure
        self._resource_id = resource_id
        self._workspace, self._target = workspace, target

    def ensure(self, request: Callable[[], Mapping[str, Any]]) -> bool:
        """Go on creating the cluster; return whether it is ready.

        :param request: makes what Azure is asked for; called only where there is no cluster.
        :raises AlreadyExistsError: where there is one that this target did not create.
        :raises BackendError: where it never will be ready.
        """
        seen = self._azure.look()
        if seen is None:
            self._azure.create(request())
            return False
        if not self._is_ours(seen):
            raise AlreadyExistsError(
                f"There is a cluster {self._resource_id} already, which '{self._target}' did not create.",
                "Attach it, or choose another name for the cluster.",
            )
        if seen.state in _ENDED_BADLY:
            said = " ".join(seen.errors) or "Azure does not say why."
            raise BackendError(f"Azure could not create the cluster: {said}", "Look at its activity log in the portal.")
        return seen.state == "Succeeded"

    def delete(self) -> bool:
        """Go on deleting the cluster; return whether there is none of ours."""
        seen = self._azure.look()
        if seen is None or not self._is_ours(seen):
            return True
        if seen.state != "Deleting":
            self._azure.delete()
        return False

    def _is_ours(self, seen: ClusterSeen) -> bool:
        return has_marks(seen.tags, self._workspace, self._target)
