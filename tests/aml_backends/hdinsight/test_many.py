"""Many runs on one cluster cost a round few requests, to Livy and to storage."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from services.azurite import Azurite
from services.gateway import Gateway, running_gateway

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_backends.hdinsight.config import HDInsightConfig
from aml_plugins.compute import ComputeTarget, JobHandle, JobState
from aml_plugins.compute.turns import QUESTIONS

KEYS = [f"aml-{number:032x}-1" for number in range(2 * QUESTIONS)]
HANDLES = [JobHandle("hdinsight", "cluster", key) for key in KEYS]
RUNNING = b'{"state": "running"}'


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as server:
        yield server


@pytest.fixture
def backend(gateway: Gateway, azurite: Azurite) -> Iterator[HDInsightBackend]:
    config = HDInsightConfig.model_validate(
        {
            "url": f"http://127.0.0.1:{gateway.server_port}",
            "staging": f"abfs://{azurite.create_container()}@{azurite.account}.dfs.core.windows.net/jobs",
            "storage_options": {"connection_string": "secret://env/STORAGE"},
        }
    )
    target = ComputeTarget(
        workspace="default",
        name="cluster",
        type="hdinsight",
        config=config,
        home=None,  # type: ignore[arg-type]
        secrets=lambda _reference: azurite.connection_string,
    )
    backend = HDInsightBackend(target)
    yield backend
    backend.close()


def livy_says(gateway: Gateway, **ended: str) -> None:
    batches = [{"id": number, "name": key, "state": ended.get(key, "running")} for number, key in enumerate(KEYS)]
    gateway.answer = (200, {}, json.dumps({"sessions": batches}))


@pytest.fixture
def requests(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The requests to storage."""
    asked: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: asked.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("azure.core.pipeline.policies.http_logging_policy")
    with caplog.at_level(logging.INFO, logger.name):
        logger.addHandler(handler)
        yield asked
        logger.removeHandler(handler)


def count(messages: list[str]) -> int:
    found = sum(message.startswith("Request URL") for message in messages)
    messages.clear()
    return found


def test_a_round_reads_a_few_words_of_runners(backend: HDInsightBackend, gateway: Gateway, requests: list[str]) -> None:
    livy_says(gateway)
    for key in KEYS:
        backend._staging.write(key, "status.json", RUNNING)
    requests.clear()
    costs = []
    for _ in range(3):
        seen = backend.statuses(HANDLES)
        costs.append((len(gateway.asked), count(requests)))
        gateway.asked.clear()
    assert costs == [(1, QUESTIONS), (1, QUESTIONS), (1, 0)]  # all were read in turn, and rest for a while
    assert {status.state for status in seen.values() if not isinstance(status, Exception)} == {JobState.RUNNING}


def test_the_end_of_a_batch_is_seen_at_once(backend: HDInsightBackend, gateway: Gateway) -> None:
    livy_says(gateway)
    for key in KEYS:
        backend._staging.write(key, "status.json", RUNNING)
    for _ in range(2):
        backend.statuses(HANDLES)
    backend._staging.write(KEYS[7], "status.json", b'{"state": "succeeded", "exit_code": 0}')
    livy_says(gateway, **{KEYS[7]: "success"})
    seen = backend.statuses(HANDLES)
    states = [status.state for status in seen.values() if not isinstance(status, Exception)]
    assert states == [*[JobState.RUNNING] * 7, JobState.SUCCEEDED, *[JobState.RUNNING] * (len(KEYS) - 8)]


def test_who_was_never_asked_is_no_news(backend: HDInsightBackend, gateway: Gateway) -> None:
    livy_says(gateway)
    for key in KEYS:
        backend._staging.write(key, "status.json", RUNNING)
    states = [status.state for status in backend.statuses(HANDLES).values() if not isinstance(status, Exception)]
    assert sorted(states) == sorted([JobState.RUNNING, JobState.UNKNOWN] * QUESTIONS)


def test_a_batch_that_a_list_missed_is_asked_for(backend: HDInsightBackend, gateway: Gateway) -> None:
    """Batches that end while a list's pages are read move others out of it."""
    backend._staging.write(KEYS[0], "agent.py", b"")
    gateway.answer = (200, {}, json.dumps({"id": 0, "name": KEYS[0], "state": "starting"}))  # as a list, it is empty
    assert backend.statuses(HANDLES[:1])[HANDLES[0]].state is JobState.PENDING  # type: ignore[union-attr]
    assert not backend._staging.exists(KEYS[0], "claim")


def test_what_livy_lost_before_an_agent_took_it_is_never_run(backend: HDInsightBackend, gateway: Gateway) -> None:
    for key in KEYS[:2]:
        backend._staging.write(key, "agent.py", b"")
    backend._staging.write(KEYS[1], "claim", b"")  # the agent of this one has it, and may still speak
    gateway.answer = (404, {}, "")
    lost, taken = (backend.status(handle) for handle in HANDLES[:2])
    assert (lost.state, lost.lost, taken.state) == (JobState.FAILED, True, JobState.UNKNOWN)
    assert backend._staging.exists(KEYS[0], "claim")
    assert backend.status(HANDLES[0]) == lost
