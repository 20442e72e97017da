"""How a service type behaves towards the process it lives in: pure plans, nothing heavy, nothing early."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.testing.contract.manners import HEAVY, no_network
from aml_plugins.testing.service_kit.base import MakeImage, ServiceKitBase, spec_of

if TYPE_CHECKING:
    from aml_plugins import Service, Workspace
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["ServiceMannersKit"]


class ServiceMannersKit(ServiceKitBase):
    """``plan``, the constructor, imports, settings."""

    def test_plan_is_pure_and_needs_no_network(
        self,
        workspace: Workspace,
        backend: ServiceBackend,
        image: MakeImage,
        deploy: Callable[..., Service],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        spec = spec_of(backend, deploy(image(), wait=False))
        with monkeypatch.context() as patch:
            for name in ("connect", "connect_ex", "sendto"):
                patch.setattr(socket.socket, name, no_network)
            patch.setattr(socket, "getaddrinfo", no_network)
            plan = json.dumps(type(backend)(workspace.context).plan(spec))
        assert plan == json.dumps(backend.plan(spec))
        assert backend.find(spec.key, spec.service) is None

    def test_unknown_settings_and_replicas_are_refused_before_anything_is_written(
        self, workspace: Workspace, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        from aml_plugins import Service  # noqa: PLC0415  the kit is loaded by every pytest

        made = image()
        with pytest.raises(InvalidInputError, match="no_such_setting"):
            deploy(made, no_such_setting=1)
        with pytest.raises(InvalidInputError, match="replicas"):
            deploy(made, replicas=0)
        assert Service.list(workspace) == []

    def test_import_loads_nothing_heavy(self) -> None:
        heavy = (*HEAVY, *self.sdk_modules)
        program = f"import sys, {self.factory_module}; print([m for m in {heavy} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
