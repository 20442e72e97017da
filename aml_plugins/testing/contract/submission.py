"""Submission happens exactly once, whoever asks and how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, JobHandle, JobState
from aml_plugins.testing.contract.base import ContractBase, Start, fetched
from aml_plugins.testing.contract.programs import ARGUMENTS, ENDLESS, GREETING, ONCE
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

__all__ = ["SubmissionContract"]

AWKWARD = ["two words", "", "'", '"', "$(touch outputs/shell)", "`id`", "a\nb", "-x", "*", "\\", "gr\u00fc\u00dfe", ";"]


class SubmissionContract(ContractBase):
    """``submit`` and ``find``."""

    def test_submit_runs_the_script_and_fetch_brings_everything(
        self, backend: ComputeBackend, key: str, start: Start, tmp_path: Path
    ) -> None:
        handle = start(GREETING, arguments=["--who", "you there"])
        status = wait_until_ended(backend, handle, self.patience)
        assert (status.state, status.exit_code) == (JobState.SUCCEEDED, 0)
        results = fetched(backend, handle, tmp_path)
        assert (results / "outputs" / "result.txt").read_text() == "done"
        assert (results / "outputs" / "run_id.txt").read_text() == key[4:36]
        assert (results / "logs" / "own.log").read_text() == "mine"
        assert "hello --who you there" in (results / "logs" / "std_log.txt").read_text()

    def test_no_shell_sees_arguments_or_variables(self, backend: ComputeBackend, start: Start, tmp_path: Path) -> None:
        trouble = "a b'\"$(touch outputs/shell)\n`id`\\"
        handle = start(ARGUMENTS, arguments=AWKWARD, environment_variables={"TROUBLE": trouble})
        assert wait_until_ended(backend, handle, self.patience).state is JobState.SUCCEEDED
        results = fetched(backend, handle, tmp_path)
        log = (results / "logs" / "std_log.txt").read_text(encoding="utf-8")
        assert json.loads(log) == [AWKWARD, trouble]
        assert not (results / "outputs" / "shell").exists()

    def test_submit_is_idempotent_on_key(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        spec = make_job(tmp_path, key, ONCE)
        handles = {backend.submit(spec, key) for _ in range(3)}
        assert len(handles) == 1
        handle = handles.pop()
        wait_until_ended(backend, handle, self.patience)
        assert backend.submit(spec, key) == handle
        assert (fetched(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text().count("once") == 1

    def test_concurrent_submitters_of_one_key_start_one_job(
        self, backend: ComputeBackend, another: ComputeBackend, key: str, tmp_path: Path
    ) -> None:
        spec = make_job(tmp_path, key, ONCE)
        together = threading.Barrier(2)

        def submit(mine: ComputeBackend) -> JobHandle:
            together.wait(self.patience)
            return mine.submit(spec, key)

        first, second = _at_once(lambda: submit(backend), lambda: submit(another))
        assert first == second
        wait_until_ended(backend, first, self.patience)
        assert (fetched(backend, first, tmp_path) / "logs" / "std_log.txt").read_text().count("once") == 1

    def test_find_recovers_a_handle_that_was_never_persisted(
        self, backend: ComputeBackend, another: ComputeBackend, key: str, start: Start
    ) -> None:
        assert backend.find(key) is None
        handle = start(GREETING)
        assert another.find(key) == handle

    def test_another_process_can_go_on_with_a_job(
        self, backend: ComputeBackend, another: ComputeBackend, start: Start
    ) -> None:
        handle = start(ENDLESS, until_running=True)
        backend.close()
        assert is_running(another, handle)
        another.cancel(handle)
        assert wait_until_ended(another, handle, self.patience).state is JobState.CANCELLED

    def test_handle_survives_json(self, start: Start) -> None:
        handle = start(GREETING)
        again = JobHandle.from_dict(json.loads(json.dumps(handle.to_dict())))
        assert again == handle
        assert again.data == handle.data

    def test_two_jobs_at_once_do_not_meet(
        self, backend: ComputeBackend, start: Start, key: str, tmp_path: Path
    ) -> None:
        running = start(ENDLESS, until_running=True)
        other_key = f"{key[:-1]}2"
        other = backend.submit(make_job(tmp_path, other_key, GREETING), other_key)
        try:
            assert wait_until_ended(backend, other, self.patience).state is JobState.SUCCEEDED
        finally:
            wait_until(lambda: _cleaned(backend, other), self.patience)
        assert is_running(backend, running)

    @pytest.mark.parametrize("key", ["../aml", "a/b", ".aml", ""])
    def test_a_key_is_a_name_and_no_path(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        spec = make_job(tmp_path, "aml-0-1", ONCE)
        from aml_plugins.errors import InvalidInputError  # noqa: PLC0415  in one test

        with pytest.raises(InvalidInputError):
            backend.submit(spec, key)


def _at_once(*calls: Callable[[], JobHandle]) -> list[JobHandle]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  in one test

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def _cleaned(backend: ComputeBackend, handle: JobHandle) -> bool:
    from aml_plugins.errors import NotYetDoneError  # noqa: PLC0415  in one test

    try:
        backend.cleanup(handle)
    except NotYetDoneError:
        return False
    return True
