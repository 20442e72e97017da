"""One deployment: started once, found again, watched, read, ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aml_plugins.errors import OperationFailedError
from aml_plugins.testing.service_kit.base import MakeImage, ServiceKitBase, spec_of
from aml_plugins.testing.waiting import wait_until

if TYPE_CHECKING:
    from aml_plugins import Service, Workspace
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["DeploymentKit"]

BROKEN = "def init():\n    raise ValueError('there is no such model')\ndef run(data):\n    return data\n"


class DeploymentKit(ServiceKitBase):
    """``submit``, ``find``, ``status``, ``logs`` and ``delete``."""

    def test_submitting_twice_starts_one_deployment_that_can_be_found_and_ended(
        self, backend: ServiceBackend, workspace: Workspace, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        from aml_plugins.services.contract import DeploymentState  # noqa: PLC0415  the kit is loaded by every pytest
        from aml_plugins.services.types import load_backend  # noqa: PLC0415  as above

        service = deploy(image(), wait=False)
        spec, other = spec_of(backend, service), load_backend(workspace.context, backend.type_name)
        assert backend.find(spec.key, spec.service) is None
        handle = backend.submit(spec)
        assert other.submit(spec)["key"] == handle["key"] == spec.key
        found = json.loads(json.dumps(other.find(spec.key, spec.service)))
        assert found["key"] == spec.key
        wait_until(lambda: other.status(handle).state is DeploymentState.READY, self.patience)
        assert other.status(found).state is DeploymentState.READY
        wait_until(lambda: "init of version 1" in other.logs(found, 50), self.patience)
        assert len(other.logs(found, 1).splitlines()) <= 1
        backend.delete(found)
        other.delete(handle)
        wait_until(lambda: backend.find(spec.key, spec.service) is None, self.patience)
        assert backend.status(handle).state is DeploymentState.FAILED
        assert backend.logs(handle, 10) == ""

    def test_what_never_was_is_no_error(
        self, backend: ServiceBackend, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        from aml_plugins.services.contract import DeploymentState  # noqa: PLC0415  as above

        service = deploy(image(), wait=False)
        handle = {
            "key": f"{service.record.service_id[:20]}-7",
            "service_id": service.record.service_id,
            "workspace": service.record.workspace,
            "target": service.record.desired.get("target"),
        }
        status = backend.status(handle)
        assert (status.state, bool(status.reason)) == (DeploymentState.FAILED, True)
        backend.delete(handle)
        assert backend.logs(handle, 10) == ""
        backend.delete_service(service.record)
        backend.delete_service(service.record)

    def test_a_script_that_fails_says_why(self, image: MakeImage, deploy: Callable[..., Service]) -> None:
        with pytest.raises(OperationFailedError, match="there is no such model"):
            deploy(image(BROKEN))

    def test_a_service_answers_with_its_secrets_and_shows_none(
        self,
        workspace: Workspace,
        backend: ServiceBackend,
        image: MakeImage,
        deploy: Callable[..., Service],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        import hashlib  # noqa: PLC0415  in one test

        secret = "hunter2-hunter2"  # noqa: S105  it is looked for where it must not be
        monkeypatch.setenv("KIT_TOKEN", secret)
        service = deploy(image(), variables={"TOKEN": "secret://env/KIT_TOKEN"}, auth=True)
        answer = service.run("hello")
        assert (answer["data"], answer["version"]) == ("hello", 1)
        assert answer["secret"] == hashlib.sha256(secret.encode()).hexdigest()
        keys = backend.keys(service.record)
        shown = [repr(service.refresh().record), repr(backend.plan(spec_of(backend, service))), repr(keys)]
        assert not [text for text in shown for hidden in (secret, keys.primary, keys.secondary) if hidden in text]
        assert workspace.context.store.services.get(workspace.name, "kit").state == "Healthy"
        service.delete()
        wait_until(lambda: not self.remaining(workspace, service.record.service_id), self.patience)
