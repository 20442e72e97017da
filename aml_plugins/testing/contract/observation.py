"""Looking at jobs: one or a thousand, there or not."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

import pytest

from aml_plugins.compute import ComputeBackend, JobState
from aml_plugins.errors import JobNotFoundError
from aml_plugins.testing.contract.base import ContractBase, Start
from aml_plugins.testing.contract.programs import ENDLESS, FAILING, GREETING, ONCE, SIGNALLED
from aml_plugins.testing.jobs import wait_until_ended

__all__ = ["ObservationContract"]


class ObservationContract(ContractBase):
    """``status``, ``statuses`` and their native forms for event loops."""

    def test_a_running_job_says_so(self, backend: ComputeBackend, start: Start) -> None:
        before = time.time()
        handle = start(ENDLESS, until_running=True)
        status = backend.status(handle)
        assert status.native_state
        assert status.exit_code is None
        assert status.started_at is None or before - 60 < status.started_at < time.time() + 60

    def test_a_failing_script_is_a_status(self, backend: ComputeBackend, start: Start) -> None:
        status = wait_until_ended(backend, start(FAILING), self.patience)
        assert (status.state, status.exit_code) == (JobState.FAILED, 3)
        assert status.reason

    @pytest.mark.parametrize("code", [1, 255])
    def test_the_exit_code_is_the_scripts(self, backend: ComputeBackend, start: Start, code: int) -> None:
        status = wait_until_ended(backend, start(f"import os; os._exit({code})"), self.patience)
        assert (status.state, status.exit_code) == (JobState.FAILED, code)

    def test_a_signal_is_a_negative_exit_code(self, backend: ComputeBackend, start: Start) -> None:
        status = wait_until_ended(backend, start(SIGNALLED), self.patience)
        assert (status.state, status.exit_code) == (JobState.FAILED, -11)
        assert "SIGSEGV" in (status.reason or "")

    def test_status_of_a_missing_job(self, backend: ComputeBackend) -> None:
        missing = self.missing(backend)
        with pytest.raises(JobNotFoundError):
            backend.status(missing)
        assert isinstance(backend.statuses([missing])[missing], JobNotFoundError)

    def test_one_sick_job_does_not_hide_the_others(self, backend: ComputeBackend, start: Start) -> None:
        handle, missing = start(GREETING), self.missing(backend)
        wait_until_ended(backend, handle, self.patience)
        seen = backend.statuses([missing, handle])
        assert seen[handle] == backend.status(handle)
        assert isinstance(seen[missing], JobNotFoundError)

    def test_many_jobs_are_one_question(self, backend: ComputeBackend, start: Start) -> None:
        """No assertion on time here; what a call costs belongs into a benchmark."""
        handle = start(ONCE)
        wait_until_ended(backend, handle, self.patience)
        asked = [*(self.missing(backend) for _ in range(self.many - 1)), handle]
        seen = backend.statuses(asked)
        assert set(seen) == set(asked)
        assert seen[handle] == backend.status(handle)
        assert backend.statuses([]) == {}

    def test_status_never_sleeps(self, backend: ComputeBackend, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        handle = start(ENDLESS, until_running=True)
        with monkeypatch.context() as patched:
            patched.setattr(time, "sleep", _no_sleep)
            assert backend.status(handle).state is JobState.RUNNING
            assert backend.statuses([handle])

    def test_an_unknown_native_state_is_not_terminal(self) -> None:
        state = self.job_state("a-word-that-nobody-knows")
        assert state is JobState.UNKNOWN
        assert not state.is_terminal

    def test_astatuses_agrees_with_statuses(self, backend: ComputeBackend, start: Start) -> None:
        handle = start(GREETING)
        wait_until_ended(backend, handle, self.patience)
        assert asyncio.run(backend.astatuses([handle])) == backend.statuses([handle])

    def test_event_loops_may_ask_side_by_side(self, backend: ComputeBackend, start: Start) -> None:
        handle, missing = start(GREETING), self.missing(backend)
        wait_until_ended(backend, handle, self.patience)

        async def ask() -> None:
            answers = await asyncio.gather(*(backend.astatuses([handle, missing]) for _ in range(5)))
            assert all(answer[handle] == answers[0][handle] for answer in answers)
            assert all(isinstance(answer[missing], JobNotFoundError) for answer in answers)

        asyncio.run(ask())


def _no_sleep(seconds: float) -> NoReturn:
    raise AssertionError(f"the backend slept for {seconds} s where it must answer at once")
