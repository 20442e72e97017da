"""Where a target's jobs are: a Batch account, and the datastore that their files go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.compute.looking import missing_job
from aml_plugins.compute.on_demand import OnDemand
from aml_plugins.compute.staging import Staging

if TYPE_CHECKING:
    from aml_backends.azure_batch.api import BatchApi
    from aml_backends.azure_batch.config import AzureBatchConfig
    from aml_plugins.compute import ComputeTarget, JobHandle
    from aml_plugins.errors import JobNotFoundError

__all__ = ["Site", "missing_task"]


class Site:
    """Batch is asked nothing before it is needed."""

    def __init__(self, target: ComputeTarget, settings: AzureBatchConfig) -> None:
        self.target = target
        self.settings = settings
        self._api = OnDemand(self._open)

    @property
    def name(self) -> tuple[str, str]:
        """The names of workspace and target, by which both know again what is theirs in the account."""
        return self.target.workspace, self.target.name

    @property
    def api(self) -> BatchApi:
        """The account."""
        return self._api.get()

    def staging(self, key: str) -> Staging:
        """Return a job's files."""
        return Staging(self.target, self.settings.datastore, key)

    def close(self) -> None:
        """Close the connections; they are opened again when they are needed."""
        self._api.close()

    def _open(self) -> BatchApi:
        from aml_backends.azure_batch.sdk import SdkBatchApi  # noqa: PLC0415  Azure's SDK is heavy

        key = self.settings.account_key
        secret = self.target.secret(key) if key else None
        return SdkBatchApi(self.settings.account_url, self.settings.name_of_account, secret)


def missing_task(handle: JobHandle) -> JobNotFoundError:
    """Return the error for a job that has no task."""
    return missing_job(handle, "deleted on Azure", "task")
