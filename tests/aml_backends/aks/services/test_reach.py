"""An address that refuses because the nodes have not heard of its pods yet is no address yet."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime

import pytest

from aml_backends.aks.services.reach import still_refuses


def pod(seconds_ago: float) -> dict:
    moment = datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": moment}]}}


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_who_refuses_right_after_its_pod_got_ready_is_waited_for(closed_port):
    assert still_refuses(f"http://127.0.0.1:{closed_port}", [pod(3600), pod(1)])


def test_who_refuses_for_longer_has_a_reason_of_its_own(closed_port):
    assert not still_refuses(f"http://127.0.0.1:{closed_port}", [pod(3600), pod(60)])
    assert not still_refuses(f"http://127.0.0.1:{closed_port}", [])


def test_who_answers_is_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not still_refuses(f"http://127.0.0.1:{server.getsockname()[1]}", [pod(1)])


def test_an_address_that_only_others_can_resolve_may_be_one():
    assert not still_refuses("http://front.default.svc.invalid", [pod(1)])
