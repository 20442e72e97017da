"""Machines for the whole session, and targets of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.requirements import require_service
from services.ssh_machine import INSTALL, Cable, SshMachine, find_server, running_machine

from aml_backends.ssh.backend import SshBackend
from aml_backends.ssh.config import SshConfig
from aml_plugins.compute import ComputeTarget

MakeBackend = Callable[..., SshBackend]


@pytest.fixture(scope="session")
def sshd() -> str:
    program = find_server()
    require_service("OpenSSH's server", program, INSTALL)
    assert program is not None
    return program


@pytest.fixture(scope="session")
def vm(sshd: str) -> Iterator[SshMachine]:
    with running_machine(sshd) as machine:
        yield machine


@pytest.fixture(scope="session")
def second_vm(sshd: str) -> Iterator[SshMachine]:
    with running_machine(sshd) as machine:
        yield machine


@pytest.fixture
def cable(vm: SshMachine) -> Iterator[Cable]:
    cable = Cable(vm.port)
    yield cable
    cable.close()


@pytest.fixture
def make_backend(tmp_path: Path) -> Iterator[MakeBackend]:
    made: list[SshBackend] = []

    def make_backend(name: str = "gpu-vm", **settings: object) -> SshBackend:
        config = SshConfig.model_validate(settings)
        target = ComputeTarget(workspace="default", name=name, type="ssh", config=config, home=tmp_path / "home")
        made.append(SshBackend(target))
        return made[-1]

    yield make_backend
    for backend in made:
        backend.close()
