"""A target that by itself begins a job again whose machine was lost: readers of its log are told."""

from __future__ import annotations

from abc import abstractmethod

from aml_plugins.compute import ComputeBackend, JobHandle, SupportsLogs
from aml_plugins.testing.contract.base import ContractBase, Start
from aml_plugins.testing.contract.programs import ENDLESS
from aml_plugins.testing.jobs import is_running, wait_until

__all__ = ["RestartContract"]


class RestartContract(ContractBase):
    """Inherit it beside ``ComputeBackendContract`` where the target begins jobs again; its backend shows logs."""

    @abstractmethod
    def lose_machine(self, backend: ComputeBackend, handle: JobHandle) -> None:
        """Take the machine of a running job away, so that the target begins the job again."""
        raise NotImplementedError

    def test_a_job_that_was_begun_again_has_a_log_of_its_own(
        self, backend: ComputeBackend, another: ComputeBackend, start: Start
    ) -> None:
        handle = start(ENDLESS, until_running=True)
        assert isinstance(backend, SupportsLogs)
        assert isinstance(another, SupportsLogs)
        wait_until(lambda: backend.logs(handle).data.endswith(b"\n"), self.patience)
        first = backend.logs(handle)
        assert first.generation
        assert backend.logs(handle, first.cursor).generation == first.generation

        self.lose_machine(backend, handle)
        wait_until(lambda: is_running(backend, handle) and backend.logs(handle).data == first.data, self.patience)
        chunk = backend.logs(handle, first.cursor)

        assert chunk.generation not in {0, first.generation}
        assert chunk.data == first.data, "a cursor of an earlier start counts as the empty one"
        assert another.logs(handle, first.cursor) == chunk
        assert backend.logs(handle, chunk.cursor).data == b""
        assert backend.status(handle).generation == chunk.generation
