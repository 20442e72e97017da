"""Where a target's jobs are: a resource group's container groups, and the datastore that their files go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.compute.looking import missing_job
from aml_plugins.compute.on_demand import OnDemand
from aml_plugins.compute.staging import Staging

if TYPE_CHECKING:
    from aml_backends.aci.api import AciApi
    from aml_backends.aci.config import AciConfig
    from aml_plugins.compute import ComputeTarget, JobHandle
    from aml_plugins.errors import JobNotFoundError

__all__ = ["CANCELLED", "Site", "missing_group"]

CANCELLED = "cancelled"
"""The mark of a job that was asked to end; its group may be gone by then."""


class Site:
    """Azure is asked nothing before it is needed."""

    def __init__(self, target: ComputeTarget, settings: AciConfig) -> None:
        self.target = target
        self.settings = settings
        self._api = OnDemand(self._open)

    @property
    def api(self) -> AciApi:
        """The resource group's container groups."""
        return self._api.get()

    def staging(self, key: str) -> Staging:
        """Return a job's files; those of all jobs by the empty key."""
        return Staging(self.target, self.settings.datastore, key)

    def has(self, key: str) -> bool:
        """Say whether a job was submitted; one that was cancelled is not started again."""
        return self.api.get_group(key) is not None or self.staging(key).is_marked(CANCELLED)

    def close(self) -> None:
        """Close the connections; they are opened again when they are needed."""
        self._api.close()

    def _open(self) -> AciApi:
        from aml_backends.aci.sdk import SdkAciApi  # noqa: PLC0415  Azure's SDK is heavy

        return SdkAciApi(self.settings)


def missing_group(handle: JobHandle) -> JobNotFoundError:
    """Return the error for a job that has no container group."""
    return missing_job(handle, "deleted on Azure", "container group")
