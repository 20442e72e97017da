from __future__ import annotations

from collections.abc import Callable

import pytest
from services.ssh_machine import Cable, SshMachine

from aml_backends.ssh.backend import SshBackend
from aml_plugins.testing import ComputeBackendContract, OutageContract
from aml_plugins.testing.contract.ending import EndingContract
from aml_plugins.testing.contract.submission import SubmissionContract


class TestOneMachine(ComputeBackendContract, OutageContract):
    factory_module = "aml_backends.ssh.backend"
    sdk_modules = ("asyncssh",)

    @pytest.fixture
    def backend(self, make_backend: Callable[..., SshBackend], cable: Cable, vm: SshMachine) -> SshBackend:
        return make_backend(**vm.settings_through(cable))

    @pytest.fixture
    def outage(self, cable: Cable):
        return cable.unplugged


class TestTwoMachines(SubmissionContract, EndingContract):
    """What placement could break."""

    factory_module = "aml_backends.ssh.backend"
    sdk_modules = ("asyncssh",)

    @pytest.fixture
    def backend(self, make_backend: Callable[..., SshBackend], vm: SshMachine, second_vm: SshMachine) -> SshBackend:
        hosts = f"127.0.0.1:{vm.port},127.0.0.1:{second_vm.port}"
        keys = [vm.fingerprint, second_vm.fingerprint]
        second_vm.directory.joinpath("authorized_keys").write_text((vm.directory / "user_key.pub").read_text())
        return make_backend(**vm.settings(host=hosts, known_hosts=None, fingerprint=keys))
