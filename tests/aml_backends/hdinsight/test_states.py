"""What becomes of a job that Livy has forgotten: no machine's clock has a say in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_backends.hdinsight.config import HDInsightConfig
from aml_backends.hdinsight.states import SILENCE_SECONDS, job_status
from aml_plugins.compute import ComputeTarget, JobState


@pytest.mark.parametrize("heartbeat", [0.0, 4e9])  # of clocks that are decades off
def test_a_runner_that_still_speaks_is_believed(heartbeat: float) -> None:
    said = {"state": "running", "heartbeat": heartbeat}
    status = job_status(None, said, asked_to_end=False, silent_seconds=SILENCE_SECONDS - 1, has_begun=True)
    assert (status.state, status.lost) == (JobState.RUNNING, False)


@pytest.mark.parametrize("heartbeat", [0.0, 4e9])
def test_a_runner_that_fell_silent_is_lost(heartbeat: float) -> None:
    said = {"state": "running", "heartbeat": heartbeat}
    status = job_status(None, said, asked_to_end=False, silent_seconds=SILENCE_SECONDS, has_begun=True)
    assert (status.state, status.lost) == (JobState.FAILED, True)
    assert status.reason == "Livy does not know the job any more, and its script is silent."


def test_a_silent_runner_that_was_asked_to_end_has_ended() -> None:
    status = job_status(None, {"state": "running"}, asked_to_end=True, silent_seconds=SILENCE_SECONDS, has_begun=True)
    assert status.state is JobState.CANCELLED


def test_an_agent_that_has_said_nothing_yet_has_its_time() -> None:
    """Livy was started anew a moment after its agent took the job."""
    status = job_status(None, None, asked_to_end=False, silent_seconds=SILENCE_SECONDS - 1, has_begun=True)
    assert status.state is JobState.UNKNOWN
    lost = job_status(None, None, asked_to_end=False, silent_seconds=SILENCE_SECONDS, has_begun=True)
    assert (lost.state, lost.lost) == (JobState.FAILED, True)


def test_a_running_job_names_its_application() -> None:
    batch = {"state": "running", "appId": "application_1_0001"}
    status = job_status(batch, {"state": "running"}, asked_to_end=False, silent_seconds=0, has_begun=True)
    assert (status.state, status.native_state) == (JobState.RUNNING, "running (application_1_0001)")


def test_an_application_that_somebody_else_killed_says_so() -> None:
    batch = {"state": "killed", "appId": "application_1_0001"}
    killed = job_status(batch, {"state": "running"}, asked_to_end=False, silent_seconds=0, has_begun=True)
    assert killed.state is JobState.CANCELLED
    assert killed.reason
    asked = job_status(batch, {"state": "running"}, asked_to_end=True, silent_seconds=0, has_begun=True)
    assert (asked.state, asked.reason) == (JobState.CANCELLED, None)


def test_no_other_machine_s_clock_says_that_an_agent_had_its_time(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "cancel").write_text("0")  # asked for in 1970, by the clock of who asked
    config = HDInsightConfig.model_validate({"url": "http://127.0.0.1:9", "staging": f"file://{tmp_path}"})
    backend = HDInsightBackend(
        ComputeTarget(workspace="default", name="cluster", type="hdinsight", config=config, home=tmp_path)
    )
    assert not backend._ending.has_waited("job")
    assert not backend._ending.has_waited("job")
