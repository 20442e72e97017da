"""Killed at each step of a deployment, an update, a deletion: the next driver goes on, and nothing is left twice."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest
from services.dying import die_at
from services.serving import SCRIPT

from aml_plugins import Image, Service, Workspace

SECOND = SCRIPT.replace("VERSION = 1", "VERSION = 2")

# What is called in one deployment, update or deletion; killed before and after each.
STEPS = [
    "aml_plugins.store.sql.services.SqlServices.save",
    "aml_plugins.services.loopback.process.LocalService.submit",
    "aml_plugins.services.loopback.process.LocalService._lay_out",
    "aml_plugins.services.loopback.programs.Program.start",
    "aml_plugins.services.loopback.base.LoopbackService.route",
    "aml_plugins.services.loopback.base.LoopbackService._write_routes",
    "aml_plugins.services.telling.tell",
]


def act(home: str, action: str, step: str, when: str, call: int) -> None:
    os.environ["AML_HOME"] = home
    workspace = Workspace.get()
    service = Service.get(workspace, "iris")
    import aml_plugins.services.loopback.process

    assert aml_plugins.services.loopback.process
    if action == "update":
        service.update(image=Image.get(workspace, "iris-svc", 2))
    if action == "delete":
        service.delete(wait=False)
    die_at(step, when, call)
    if action == "delete":
        service.delete()
    else:
        service.wait_for_deployment()


def killed(home: str, action: str, step: str, when: str, call: int) -> bool:
    """Run an action in a process that dies; False where it came to its end before."""
    process = multiprocessing.get_context("spawn").Process(target=act, args=(home, action, step, when, call))
    process.start()
    process.join(120)
    assert process.exitcode in (-signal.SIGKILL, 0)
    return process.exitcode != 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.rpartition(".")[2])
def test_a_killed_deployment_goes_on(serving, aml_home, running, step, when):
    service = serving.image().deploy("iris")
    assert killed(str(aml_home), "deploy", step, when, 1)
    service.wait_for_deployment()
    assert service.run("x")["version"] == 1
    # A front, a supervisor, and the worker that it started.
    assert len(running()) == 3
    service.delete()
    assert running() == []


@pytest.mark.parametrize(("step", "call"), [(STEPS[0], 1), (STEPS[0], 2), (STEPS[3], 1), (STEPS[4], 1), (STEPS[4], 2)])
def test_a_killed_update_goes_on_and_the_old_version_serves_meanwhile(serving, aml_home, running, step, call):
    service = serving.image().deploy("iris", wait=True)
    serving.image(SECOND)
    killed(str(aml_home), "update", step, "after", call)
    assert service.run("x")["version"] in (1, 2)
    service.refresh().wait_for_deployment()
    assert service.run("x")["version"] == 2
    assert len(running()) == 3


def test_a_killed_deletion_goes_on(serving, aml_home, running):
    service = serving.image().deploy("iris", wait=True)
    assert killed(str(aml_home), "delete", "aml_plugins.services.loopback.process.LocalService.delete", "after", 1)
    service.delete()
    assert running() == []
    assert Service.list(serving.workspace) == []
