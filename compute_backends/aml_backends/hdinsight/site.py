"""Where a target's jobs are: Livy, which runs them, and the staging directory, which the cluster and we both see."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aml_backends.hdinsight.livy import Livy
from aml_backends.hdinsight.staging import Staging
from aml_plugins.compute.looking import missing_job
from aml_plugins.compute.on_demand import OnDemand

if TYPE_CHECKING:
    from aml_backends.hdinsight.config import HDInsightConfig
    from aml_plugins.compute import ComputeTarget, JobHandle, LogChunk

__all__ = ["Site"]


class Site:
    """Both are opened when they are first needed."""

    def __init__(self, target: ComputeTarget, config: HDInsightConfig) -> None:
        self._target = target
        self.config = config
        self._livy = OnDemand(self._open_livy)

    @property
    def livy(self) -> Livy:
        """The server that runs batches."""
        return self._livy.get()

    @cached_property
    def staging(self) -> Staging:
        """The directory with one directory a job."""
        options = {name: self._target.secret(value) for name, value in self.config.storage_options.items()}
        return Staging(self.config.staging, options)

    def is_known(self, key: str) -> bool:
        """Say whether there is a batch, there was one that got as far as its claim, or none is wanted any more."""
        return self.livy.find(key) is not None or any(self.staging.exists(key, name) for name in ("claim", "cancel"))

    def check_is_there(self, handle: JobHandle) -> None:
        """Refuse a job that has no directory.

        :raises JobNotFoundError: see above.
        """
        if not self.staging.exists(handle.job_id):
            raise missing_job(handle, "its staging directory was deleted")

    def checked(self, handle: JobHandle, chunk: LogChunk) -> LogChunk:
        """Return what was read of a job's log, if it still has one.

        :raises JobNotFoundError: where nothing was read because the job has no directory.
        """
        if not chunk.data:
            self.check_is_there(handle)
        return chunk

    def close(self) -> None:
        """Close the connections to Livy; they are opened again when they are needed."""
        self._livy.close()

    def _open_livy(self) -> Livy:
        config = self.config
        auth = (config.user, self._target.secret(config.password)) if config.password else None
        return Livy(config.livy, auth=auth, timeout=config.timeout_seconds, ca_file=config.ca_file)
