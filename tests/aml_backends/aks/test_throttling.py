"""An API server that has too much to do: it says when to come again, and nobody sleeps until then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.gateway import Gateway, running_gateway

from aml_backends.aks.backend import AksBackend
from aml_plugins.compute import ComputeTarget, JobHandle
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import TransientBackendError

HANDLE = JobHandle("aks", "cluster", "aml-0123456789abcdef0123456789abcdef-1")
CALLS: dict[str, Callable[[AksBackend], object]] = {
    "find": lambda backend: backend.find(HANDLE.job_id),
    "status": lambda backend: backend.status(HANDLE),
    "list": lambda backend: list(backend.list_jobs()),
    "cancel": lambda backend: backend.cancel(HANDLE),
    "create": lambda backend: backend.cluster.create("job", {}),
    "delete": lambda backend: backend.cluster.delete("job", HANDLE.job_id),
    "log": lambda backend: list(backend.cluster.log("pod", None)),
    "check": AksBackend.check,
}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as server:
        yield server


@pytest.fixture(params=["file", "secret"])
def backend(gateway: Gateway, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AksBackend]:
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{gateway.server_port}"}}],
            "users": [{"name": "me", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "me"}}],
        }
    )
    (tmp_path / "kubeconfig").write_text(text)
    given = {"kubeconfig": str(tmp_path / "kubeconfig")}
    if request.param == "secret":
        given = {"kubeconfig_secret": "secret://env/KUBECONFIG_TEXT"}
    config = validate_config(AksBackend, "aks", given)
    backend = AksBackend(
        ComputeTarget(
            workspace="w", name="cluster", type="aks", config=config, home=tmp_path, secrets=lambda _reference: text
        )
    )
    yield backend
    backend.close()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_call_says_when_to_come_again(
    backend: AksBackend, gateway: Gateway, call: Callable[[AksBackend], object], status: int
) -> None:
    gateway.answer = (status, {"Retry-After": "17"}, json.dumps({"message": "too many requests"}))
    with pytest.raises(TransientBackendError, match="too many requests") as caught:
        call(backend)
    assert caught.value.retry_after == 17
    assert len(gateway.asked) == 1
