"""A target that cannot be reached for a while: nothing is lost, and the driver is told to come again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, JobState, SupportsLogs
from aml_plugins.errors import TransientBackendError
from aml_plugins.testing.contract.base import ContractBase, Start, fetched
from aml_plugins.testing.contract.programs import ENDLESS, GREETING, ONCE
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

__all__ = ["OutageContract"]

Outage = Callable[[], AbstractContextManager[None]]


class OutageContract(ContractBase):
    """Inherit it beside ``ComputeBackendContract`` where a network lies between submitter and target.

    Provide the fixture ``outage``: it returns a function whose context manager keeps the target out of reach.
    """

    @pytest.fixture
    @abstractmethod
    def outage(self) -> Outage:
        """Return a function that cuts the target off inside of a ``with`` statement."""
        raise NotImplementedError

    def test_an_outage_is_transient_for_every_question(
        self, backend: ComputeBackend, start: Start, key: str, outage: Outage, tmp_path: Path
    ) -> None:
        handle = start(ENDLESS, until_running=True)
        questions: list[Callable[[], object]] = [
            lambda: backend.status(handle),
            lambda: backend.find(key),
            lambda: backend.cancel(handle),
            lambda: backend.cleanup(handle),
            lambda: fetched(backend, handle, tmp_path),
            lambda: backend.submit(make_job(tmp_path, f"{key[:-1]}2", ONCE), f"{key[:-1]}2"),
        ]
        if isinstance(backend, SupportsLogs):
            questions.append(lambda: backend.logs(handle))
        with outage():
            for question in questions:
                with pytest.raises(TransientBackendError):
                    question()
        wait_until(lambda: _answers(backend, lambda: is_running(backend, handle)), self.patience)

    def test_statuses_in_an_outage_are_transient_and_never_missing(
        self, backend: ComputeBackend, start: Start, outage: Outage
    ) -> None:
        handle = start(ENDLESS, until_running=True)
        with outage():
            try:
                seen = backend.statuses([handle])[handle]
            except TransientBackendError as error:
                seen = error
            assert isinstance(seen, TransientBackendError)
        wait_until(lambda: _answers(backend, lambda: is_running(backend, handle)), self.patience)

    def test_a_job_that_ends_in_an_outage_is_not_lost(
        self, backend: ComputeBackend, start: Start, outage: Outage, tmp_path: Path
    ) -> None:
        handle = start(GREETING)
        with outage(), pytest.raises(TransientBackendError):
            backend.status(handle)
        wait_until(lambda: _answers(backend, lambda: bool(backend.status(handle))), self.patience)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.SUCCEEDED
        assert (fetched(backend, handle, tmp_path) / "outputs" / "result.txt").read_text() == "done"


def _answers(backend: ComputeBackend, ask: Callable[[], bool]) -> bool:
    """Return what the target says, False where it cannot be reached yet."""
    del backend
    try:
        return ask()
    except TransientBackendError:
        return False
