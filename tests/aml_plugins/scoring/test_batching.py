"""Micro-batching: what is given to ``run_batch()`` together, and that nobody waits where nobody can come."""

from __future__ import annotations

import http.client
import json
import sys
from contextlib import contextmanager

import pytest
from servers import ours

from aml_plugins.testing.waiting import wait_until

SCRIPT = """
import os, time
def init(): pass
def run(data): return data
def run_batch(inputs):
    if "hold" in inputs:
        open("held", "w").close()
        while os.path.exists("gate"):
            time.sleep(0.005)
    for text in inputs:
        if text == "bad":
            raise ValueError("a bad row")
        if text == "late":
            raise TimeoutError
        if text != "lost":
            yield f"{text} of {len(inputs)}"
"""
BEYOND_ANY_TEST = "3600000"


@contextmanager
def serving(directory, source=SCRIPT, **variables):
    (directory / "score.py").write_text(source)
    with ours(sys.executable, directory, ["--entry_script", "score.py"], variables) as server:
        yield server


@contextmanager
def connected(server, number):
    """Yield connections that the server knows: each has had an answer."""
    opened = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=120) for _ in range(number)]
    try:
        for connection in opened:
            connection.request("GET", "/")
            connection.getresponse().read()
        yield opened
    finally:
        for connection in opened:
            connection.close()


def ask(connections, texts):
    for connection, text in zip(connections, texts, strict=True):
        connection.request("POST", "/score", text)


def answers(connections):
    found = [connection.getresponse() for connection in connections]
    return [(one.status, json.loads(one.read())) for one in found]


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A server that would wait for others longer than any test takes."""
    variables = {"AML_SCORING_BATCH_SIZE": "8", "AML_SCORING_BATCH_WAIT_MS": BEYOND_ANY_TEST}
    with serving(tmp_path_factory.mktemp("patient"), **variables) as server:
        yield server


def test_who_is_alone_waits_for_nobody(patient):
    with connected(patient, 1) as opened:
        for text in ("a", "b"):
            ask(opened, [text])
            assert answers(opened) == [(200, f"{text} of 1")]


def test_a_batch_goes_when_every_connection_has_asked(patient):
    with connected(patient, 3) as opened:
        ask(opened, "abc")
        assert answers(opened) == [(200, "a of 3"), (200, "b of 3"), (200, "c of 3")]


def test_a_batch_goes_when_who_has_not_asked_has_left(patient):
    with connected(patient, 4) as opened:
        ask(opened[:3], "abc")
        opened[3].close()
        assert answers(opened[:3]) == [(200, "a of 3"), (200, "b of 3"), (200, "c of 3")]


def test_a_batch_goes_when_who_is_in_it_has_left(patient):
    with connected(patient, 3) as opened:
        ask(opened[:2], "ab")
        for left in (opened[0], opened[2]):
            left.close()
        ((status, said),) = answers(opened[1:2])
        assert (status, said[:1]) == (200, "b")  # of 2: whether a caller stays is not known before his answer is sent


def test_a_batch_goes_when_it_is_full(patient):
    with connected(patient, 9) as opened:
        ask(opened[:8], "abcdefgh")
        assert answers(opened[:8]) == [(200, f"{text} of 8") for text in "abcdefgh"]


@pytest.mark.parametrize("bad", ["bad", "lost"])
def test_an_input_that_fails_does_not_fail_the_others(patient, bad):
    with connected(patient, 3) as opened:
        ask(opened, ["a", bad, "c"])
        first, failed, last = (one.getresponse() for one in opened)
        assert [json.loads(one.read()) for one in (first, last)] == ["a of 1", "c of 1"]
        assert (failed.status, failed.headers["x-ms-run-function-failed"]) == (500, "True")
    wait_until(lambda: "run_batch() failed for 3 inputs" in patient.log.read_text())


def test_a_batch_that_takes_too_long_is_not_tried_again(patient):
    with connected(patient, 2) as opened:
        ask(opened, ["a", "late"])
        assert [(status, body["message"][:15]) for status, body in answers(opened)] == [(500, "Scoring timeout")] * 2


def test_what_comes_while_the_script_is_busy_is_the_next_batch(tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    with serving(tmp_path, AML_SCORING_BATCH_SIZE="8") as server, connected(server, 5) as opened:
        ask(opened[:1], ["hold"])
        wait_until((tmp_path / "held").exists)
        ask(opened[1:4], "abc")  # the fifth never asks, and nobody waits for it
        gate.unlink()
        assert answers(opened[:4]) == [(200, "hold of 1"), *((200, f"{text} of 3") for text in "abc")]
        assert server.ask("PUT", "/score").status == 405


RAW = """
from azureml.contrib.services.aml_request import rawhttp
def init(): pass
@rawhttp
def run(request): return request.get_data(as_text=True)
def run_batch(inputs): raise AssertionError
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def init(): pass\ndef run(data): return data\n", "the script has no run_batch()"),
        (RAW, "run() is decorated with @rawhttp"),
    ],
)
def test_who_cannot_have_batches_is_told_and_served(tmp_path, source, reason):
    with serving(tmp_path, source, AML_SCORING_BATCH_SIZE="8") as server:
        assert server.ask("POST", "/score", "x").body == b'"x"'
        assert f"AML_SCORING_BATCH_SIZE is 8, but {reason}" in server.log.read_text()
