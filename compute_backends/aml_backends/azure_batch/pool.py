"""The pool: created where it is missing, and why it has no nodes, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.azure_batch.api import RefusedError
from aml_backends.azure_batch.plan import job_marks, pool_body
from aml_plugins.errors import AlreadyExistsError, BackendError, TransientBackendError

if TYPE_CHECKING:
    from aml_backends.azure_batch.config import AzureBatchConfig
    from aml_backends.azure_batch.site import Site

__all__ = ["Pool"]

_QUOTAS = {
    "AccountCoreQuotaReached": "the account's quota of dedicated cores is used up",
    "AccountLowPriorityCoreQuotaReached": "the account's quota of low priority cores is used up",
    "AccountVMSeriesCoreQuotaReached": "the account's quota of cores of this series is used up",
    "AllocationTimedOut": "Azure had no such machines in time",
    "AllocationFailed": "Azure could not allocate the machines",
    "ResizeStopped": "somebody stopped the resize",
}
_LIKELY = "Ask Azure for a higher quota, choose another vm_size, or fewer max_nodes."


class Pool:
    """The pool that a target names. Each method asks Batch anew."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._id = site.settings.pool
        self._target = site.target.name

    def ensure(self) -> Mapping[str, Any] | None:
        """Return the pool, None where it was only just created.

        :raises BackendError: where it is missing and this target does not say how to create it.
        """
        try:
            return self._site.api.get_pool(self._id)
        except RefusedError as error:
            if error.reason != "PoolNotFound":
                raise
        if self._config.vm_size is None:
            raise BackendError(
                f"The Batch account has no pool '{self._id}'.",
                f"Create it, or set the vm_size of compute target '{self._target}' to have it created.",
            )
        try:
            self._site.api.create_pool(pool_body(self._config, *self._site.name))
        except RefusedError as error:
            if error.reason != "PoolExists":  # another process was first
                raise
        return None

    def is_ready(self) -> bool:
        """Go on creating the pool; return whether it has what it is to have at least.

        :raises AlreadyExistsError: where the account has a pool of this id that is somebody else's.
        :raises BackendError: where it never will.
        """
        pool = self.ensure()
        if pool is not None and not self._is_ours(pool):
            raise AlreadyExistsError(
                f"The Batch account has a pool '{self._id}' already, which '{self._target}' did not create.",
                "Attach it, or choose another id for the pool.",
            )
        if pool is None or str(pool.get("state", "active")).lower() != "active":
            return False
        if str(pool.get("allocationState", "steady")).lower() != "steady":
            return False
        wanted = self._config.min_nodes if self._config.vm_size else 0
        if _nodes(pool) >= wanted:
            return True
        trouble = _trouble(pool)
        if trouble:
            raise BackendError(f"The pool '{self._id}' has {_nodes(pool)} of {wanted} nodes: {trouble}.", _LIKELY)
        return False

    def delete(self) -> bool:
        """Go on deleting the pool; return whether there is none of ours."""
        try:
            pool = self._site.api.get_pool(self._id)
            if not self._is_ours(pool):
                return True
            if str(pool.get("state")).lower() != "deleting":
                self._site.api.delete_pool(self._id)
        except RefusedError as error:
            if error.reason not in {"PoolNotFound", "PoolBeingDeleted"}:
                raise
            return error.reason == "PoolNotFound"
        return False

    def why_waiting(self) -> str:
        """Return one sentence about why tasks wait for nodes: one request, two where nodes failed.

        A pool that somebody deleted under its tasks is created again, where this target says how: they would wait for
        ever.
        """
        try:
            pool = self.ensure()
        except TransientBackendError:
            raise
        except BackendError as error:
            return f"Waiting for pool '{self._id}': {error}"
        if pool is None:
            return f"Waiting for pool '{self._id}', which was gone and is created again."
        if str(pool.get("state")).lower() == "deleting":
            return f"Waiting for pool '{self._id}', which somebody is deleting."
        trouble = _trouble(pool)
        if trouble:
            return f"Waiting for pool '{self._id}', which has {_nodes(pool)} nodes: {trouble}."
        failed = self._site.api.failed_nodes(self._id) if _nodes(pool) else ()
        if failed and len(failed) == _nodes(pool):
            return f"Waiting for pool '{self._id}': all of its nodes failed to start ({failed[0].get('state')})."
        return f"Waiting for a node of pool '{self._id}', which has {_nodes(pool)}."

    @property
    def _config(self) -> AzureBatchConfig:
        return self._site.settings

    def _is_ours(self, pool: Mapping[str, Any]) -> bool:
        marks = pool.get("metadata") or ()
        return all(mark in marks for mark in job_marks(*self._site.name))


def _nodes(pool: Mapping[str, Any]) -> int:
    return int(pool.get("currentDedicatedNodes") or 0) + int(pool.get("currentLowPriorityNodes") or 0)


def _trouble(pool: Mapping[str, Any]) -> str:
    errors = pool.get("resizeErrors") or ()
    scaling = (pool.get("autoScaleRun") or {}).get("error")
    said = [_QUOTAS.get(str(error.get("code")), str(error.get("message") or error.get("code"))) for error in errors]
    if scaling:
        said.append(f"its autoscale formula fails ({scaling.get('message')})")
    return "; ".join(text.rstrip(".") for text in said)
