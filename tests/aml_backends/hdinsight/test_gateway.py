"""What a cluster's gateway may answer besides what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from services.gateway import Gateway, running_gateway

from aml_backends.hdinsight.livy import Livy
from aml_plugins.errors import BackendError, TransientBackendError

ERROR_PAGE = "<html><title>Error 400</title><body><h2>HTTP ERROR: 400</h2>Missing Required Header</body></html>"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as server:
        yield server


@pytest.fixture
def livy(gateway: Gateway) -> Iterator[Livy]:
    client = Livy(f"http://127.0.0.1:{gateway.server_port}/livy", auth=("admin", "hunter2"), timeout=5)
    yield client
    client.close()


def test_whatever_changes_something_names_who_asks(gateway: Gateway, livy: Livy) -> None:
    livy.create({"file": "abfs://x"})
    livy.delete(3)
    assert [(method, path) for method, path, _ in gateway.asked] == [
        ("POST", "/livy/batches"),
        ("DELETE", "/livy/batches/3"),
    ]
    assert all(headers["X-Requested-By"] for _, _, headers in gateway.asked)
    assert all(headers["Authorization"].startswith("Basic ") for _, _, headers in gateway.asked)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize(
    "call",
    [
        lambda livy: list(livy.batches()),
        lambda livy: livy.find("aml-x"),
        lambda livy: livy.create({"file": "abfs://x"}),
        lambda livy: livy.delete(3),
        lambda livy: livy.log(3),
    ],
)
def test_a_busy_gateway_says_when_to_come_back(gateway: Gateway, livy: Livy, status: int, call: Any) -> None:
    gateway.answer = (status, {"Retry-After": "17"}, "")
    with pytest.raises(TransientBackendError) as caught:
        call(livy)
    assert caught.value.retry_after == 17.0
    assert len(gateway.asked) == 1


def test_a_wrong_password_is_told_without_it(gateway: Gateway, livy: Livy) -> None:
    gateway.answer = (401, {}, "Unauthorized")
    with pytest.raises(BackendError, match="refuses this user") as caught:
        livy.find("aml-x")
    assert not isinstance(caught.value, TransientBackendError)
    assert "hunter2" not in f"{caught.value!r} {caught.value.fix}"


def test_a_servlet_containers_error_page_becomes_a_sentence(gateway: Gateway, livy: Livy) -> None:
    gateway.answer = (400, {"content-type": "text/html"}, ERROR_PAGE)
    with pytest.raises(BackendError, match="Missing Required Header") as caught:
        livy.create({"file": "abfs://x"})
    assert "<" not in str(caught.value)


def test_a_livy_that_starts_as_many_as_it_may_is_asked_again(gateway: Gateway, livy: Livy) -> None:
    gateway.answer = (400, {}, json.dumps({"msg": "Rejected, too many sessions are being created!"}))
    with pytest.raises(TransientBackendError, match="as many applications as it may"):
        livy.create({"file": "abfs://x"})


def test_a_server_error_is_worth_another_try(gateway: Gateway, livy: Livy) -> None:
    gateway.answer = (500, {}, json.dumps({"msg": "out of luck"}))
    with pytest.raises(TransientBackendError, match="out of luck"):
        livy.find("aml-x")


def test_nobody_listens() -> None:
    livy = Livy("http://127.0.0.1:9", auth=None, timeout=5)
    with pytest.raises(TransientBackendError, match="does not answer"):
        livy.find("aml-x")


def test_all_pages_are_read(gateway: Gateway, livy: Livy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aml_backends.hdinsight.livy.PAGE", 2)
    pages = iter([[{"id": 0}, {"id": 1}], [{"id": 2}]])
    gateway.answer = (200, {}, json.dumps({"sessions": next(pages)}))
    found = []
    for batch in livy.batches():
        found.append(batch["id"])
        if batch["id"] == 1:
            gateway.answer = (200, {}, json.dumps({"sessions": next(pages)}))
    assert found == [0, 1, 2]
    assert [path.partition("?")[2] for _, path, _ in gateway.asked] == ["from=0&size=2", "from=2&size=2"]
