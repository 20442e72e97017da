"""Killed at any step, the next driver goes on: the service comes up once, and its end leaves nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aml_plugins.testing.service_kit.base import MakeImage, ServiceKitBase
from aml_plugins.testing.waiting import wait_until

if TYPE_CHECKING:
    from aml_plugins import Service, Workspace
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["CrashesKit"]

WRITE = "aml_plugins.store.sql.services:SqlServices.save"


class CrashesKit(ServiceKitBase):
    """SIGKILL before and after what a driver calls."""

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("step", ["submit", "route", "write"])
    def test_a_killed_deployment_goes_on(
        self, workspace: Workspace, image: MakeImage, deploy: Callable[..., Service], step: str, when: str
    ) -> None:
        service = deploy(image(), wait=False)
        assert _killed("wait", _place(workspace, service, step), when)
        service.wait_for_deployment()
        assert service.run("x")["version"] == 1
        service.delete()
        wait_until(lambda: not self.remaining(workspace, service.record.service_id), self.patience)

    @pytest.mark.parametrize("step", ["submit", "route", "delete"])
    def test_a_killed_update_goes_on_and_somebody_serves_meanwhile(
        self,
        workspace: Workspace,
        backend: ServiceBackend,
        image: MakeImage,
        deploy: Callable[..., Service],
        step: str,
    ) -> None:
        service = deploy(image(version=1))
        service.update(image=image(version=2))
        assert _killed("wait", _place(workspace, service, step), "after")
        if not backend.replaces_in_place:
            assert service.run("x")["version"] in {1, 2}
        service.refresh().wait_for_deployment()
        assert service.run("x")["version"] == 2

    @pytest.mark.parametrize("step", ["delete", "delete_service"])
    def test_a_killed_deletion_goes_on(
        self, workspace: Workspace, image: MakeImage, deploy: Callable[..., Service], step: str
    ) -> None:
        service = deploy(image())
        service.delete(wait=False)
        assert _killed("delete", _place(workspace, service, step), "after")
        service.delete()
        wait_until(lambda: not self.remaining(workspace, service.record.service_id), self.patience)


def _place(workspace: Workspace, service: Service, step: str) -> str:
    """Return ``MODULE:CLASS.METHOD`` of a step."""
    from aml_plugins.services.types import load_backend  # noqa: PLC0415  the kit is loaded by every pytest

    if step == "write":
        return WRITE
    backend = type(load_backend(workspace.context, service.record.type))
    return f"{backend.__module__}:{backend.__qualname__}.{step}"


def _killed(action: str, place: str, when: str) -> bool:
    """Drive the service in a process that is killed at a place; False where it came to its end before."""
    arguments = (action, place, when, str(Path.cwd()))
    process = multiprocessing.get_context("spawn").Process(target=_drive, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in {-signal.SIGKILL, 0}
    return process.exitcode != 0


def _drive(action: str, place: str, when: str, directory: str) -> None:
    from aml_plugins import Service, Workspace  # noqa: PLC0415  as above

    os.chdir(directory)
    service = Service.get(Workspace.get(), "kit")
    _die_at(place, when)
    service.delete() if action == "delete" else service.wait_for_deployment()


def _die_at(place: str, when: str) -> None:
    """Have this process die before or after the first call of a method."""
    from importlib import import_module  # noqa: PLC0415  as above

    module, _, path = place.partition(":")
    name, _, method = path.partition(".")
    owner = getattr(import_module(module), name)
    plain = getattr(owner, method)

    def dying(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            plain(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, dying)
