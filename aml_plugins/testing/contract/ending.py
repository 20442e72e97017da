"""Every way a job ends other than by itself, and what is left then: nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aml_plugins.compute import ComputeBackend, JobState
from aml_plugins.testing.contract.base import ContractBase, Start, fetched
from aml_plugins.testing.contract.programs import ENDLESS, FAILING, GREETING, NO_RUNNER, TREE
from aml_plugins.testing.jobs import clean_up, make_job, wait_until, wait_until_ended

__all__ = ["EndingContract"]


class EndingContract(ContractBase):
    """``cancel``, ``cleanup``, time limits and killed runners."""

    def test_cancel_is_idempotent(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(ENDLESS, until_running=True)
        backend.cancel(handle)
        backend.cancel(handle)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED
        backend.cancel(handle)

    def test_cancel_right_after_submit(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(ENDLESS)
        backend.cancel(handle)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED

    def test_acancel_ends_the_job(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(ENDLESS, until_running=True)
        asyncio.run(backend.acancel(handle))
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED

    def test_cancel_does_not_change_how_a_job_ended(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(GREETING)
        ended = wait_until_ended(backend, handle, self.patience)
        backend.cancel(handle)
        assert backend.status(handle) == ended

    def test_a_cancelled_job_is_not_started_again(
        self, backend: ComputeBackend, key: str, start: Start, tmp_path: Path
    ) -> None:
        handle = start(ENDLESS)
        backend.cancel(handle)
        wait_until_ended(backend, handle, self.patience)
        assert backend.submit(make_job(tmp_path, key, ENDLESS), key) == handle
        assert backend.status(handle).state is JobState.CANCELLED

    def test_cancel_ends_the_whole_process_tree(self, backend: ComputeBackend, key: str, start: Start) -> None:
        handle = start(TREE, grace_seconds=1.0, until_running=True)
        backend.cancel(handle)
        wait_until_ended(backend, handle, self.patience)
        wait_until(lambda: not self.remaining_processes(key), self.patience)

    def test_a_time_limit_ends_the_script(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(ENDLESS, time_limit_seconds=1.0, grace_seconds=1.0)
        status = wait_until_ended(backend, handle, self.patience)
        assert status.state is JobState.FAILED
        assert "time limit" in (status.reason or "")

    def test_a_killed_runner_is_a_failure_with_a_reason(self, backend: ComputeBackend, key: str, start: Start) -> None:
        status = wait_until_ended(backend, start(NO_RUNNER), self.patience)
        assert status.state is JobState.FAILED
        assert status.reason
        assert status.lost, "the script did not fail by itself: such losses are retried apart"
        wait_until(lambda: not self.remaining_processes(key), self.patience)

    def test_a_script_that_fails_was_not_lost(self, backend: ComputeBackend, start: Start) -> None:
        status = wait_until_ended(backend, start(FAILING), self.patience)
        assert (status.state, status.exit_code, status.lost) == (JobState.FAILED, 3, False)

    def test_another_attempt_is_another_job(
        self, backend: ComputeBackend, key: str, start: Start, tmp_path: Path
    ) -> None:
        first = start(FAILING)
        assert wait_until_ended(backend, first, self.patience).state is JobState.FAILED
        clean_up(backend, first, self.patience)
        again = f"{key[:-1]}2"
        second = backend.submit(make_job(tmp_path, again, GREETING), again)
        try:
            assert second != first
            assert backend.find(key) is None
            assert wait_until_ended(backend, second, self.patience).state is JobState.SUCCEEDED
            assert (fetched(backend, second, tmp_path) / "outputs" / "result.txt").read_text() == "done"
        finally:
            clean_up(backend, second, self.patience)

    def test_cancel_and_cleanup_of_a_missing_job_are_silent(self, backend: ComputeBackend) -> None:
        missing = self.missing(backend)
        backend.cancel(missing)
        asyncio.run(backend.acancel(missing))
        clean_up(backend, missing, self.patience)

    def test_cleanup_twice(self, backend: ComputeBackend, key: str, start: Start) -> None:
        handle = start(GREETING)
        wait_until_ended(backend, handle, self.patience)
        clean_up(backend, handle, self.patience)
        clean_up(backend, handle, self.patience)
        assert backend.find(key) is None

    def test_cleanup_ends_what_runs(self, backend: ComputeBackend, key: str, start: Start) -> None:
        handle = start(TREE, until_running=True)
        clean_up(backend, handle, self.patience)
        assert backend.find(key) is None
        wait_until(lambda: not self.remaining_processes(key), self.patience)  # what is killed takes an instant

    def test_a_script_cannot_keep_its_directory(self, backend: ComputeBackend, key: str, start: Start) -> None:
        handle = start("import os; os.makedirs('outputs/a/b'); os.chmod('outputs/a', 0)")
        wait_until_ended(backend, handle, self.patience)
        clean_up(backend, handle, self.patience)
        assert backend.find(key) is None

    def test_fetch_brings_what_a_failed_job_left(self, backend: ComputeBackend, start: Start, tmp_path: Path) -> None:
        handle = start(FAILING)
        wait_until_ended(backend, handle, self.patience)
        assert "about to fail" in (fetched(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text()
