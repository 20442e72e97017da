"""Who may come in, and whether the machine is the one that was meant."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.ssh_machine import IS_ROOT, PASSWORD, SshMachine

from aml_backends.ssh.backend import SshBackend
from aml_plugins.compute import JobHandle
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError

MakeBackend = Callable[..., SshBackend]


def refusal(backend: SshBackend) -> BackendError:
    with pytest.raises(BackendError) as raised:
        backend.check()
    return raised.value


@pytest.fixture
def no_own_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without keys, agent and known hosts."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def agent(vm: SshMachine, no_own_keys: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    subprocess.run(["ssh-add", "-q", str(vm.key_file)], check=True)
    yield
    process.terminate()
    process.wait()


def test_a_key_by_reference(make_backend: MakeBackend, vm: SshMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VM_KEY", vm.key_file.read_text().strip())
    backend = make_backend(**vm.settings(key_file=None, key="secret://env/VM_KEY"))
    assert "processors" in backend.check()
    assert "PRIVATE KEY" not in repr(vars(backend)) + repr(backend.target)


@pytest.mark.parametrize("form", ["pkcs8-pem", "openssh"])
def test_a_key_with_a_passphrase(
    form: str, make_backend: MakeBackend, vm: SshMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncssh

    if form == "openssh":
        pytest.importorskip("bcrypt", reason="the extra ssh brings it; it opens this form of key")
    key = asyncssh.read_private_key(vm.key_file)
    locked = tmp_path / "locked"
    locked.write_bytes(key.export_private_key(form, passphrase="open sesame"))
    monkeypatch.setenv("PASSPHRASE", "open sesame")
    settings = vm.settings(key_file=str(locked))
    assert make_backend(**settings, passphrase="secret://env/PASSPHRASE").check()
    assert "passphrase" in str(refusal(make_backend(**settings)))


def test_the_agents_keys(make_backend: MakeBackend, vm: SshMachine, agent: None) -> None:
    assert make_backend(**vm.settings(key_file=None)).check()


def test_a_password_by_reference(
    make_backend: MakeBackend, vm: SshMachine, no_own_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not IS_ROOT:
        pytest.skip("a machine whose user has a password of its own can only be made by root")
    settings = vm.settings(key_file=None, password="secret://env/VM_PASSWORD")
    monkeypatch.setenv("VM_PASSWORD", PASSWORD)
    assert make_backend(**settings).check()
    monkeypatch.setenv("VM_PASSWORD", "hunter2")
    error = refusal(make_backend(**settings))
    assert "does not let 'me' in with the password" in str(error)
    assert "hunter2" not in str(error)


def test_the_submitters_environment_has_no_such_secret(make_backend: MakeBackend, vm: SshMachine) -> None:
    backend = make_backend(**vm.settings(key_file=None, key="secret://env/NOBODY_SET_THIS"))
    with pytest.raises(InvalidInputError, match="NOBODY_SET_THIS"):
        backend.check()


def test_through_a_jump_host(make_backend: MakeBackend, vm: SshMachine, second_vm: SshMachine) -> None:
    (second_vm.directory / "authorized_keys").write_text((vm.directory / "user_key.pub").read_text())
    known = vm.known_hosts.read_text() + second_vm.known_hosts.read_text()
    (vm.directory / "both").write_text(known)
    jump = f"{second_vm.user}@127.0.0.1:{second_vm.port}"
    backend = make_backend(**vm.settings(known_hosts=str(vm.directory / "both"), jump_host=jump))
    assert backend.check()
    log = (second_vm.directory / "sshd.log").read_text()
    assert "Accepted publickey" in log
    backend.close()


def test_an_unknown_host_key_is_a_sentence_with_the_fingerprint(
    make_backend: MakeBackend, vm: SshMachine, no_own_keys: None
) -> None:
    error = refusal(make_backend(**vm.settings(known_hosts=None)))
    assert error.what == (
        f"The host key of '127.0.0.1:{vm.port}' is not known; it has the fingerprint {vm.fingerprint}."
    )
    assert f"--fingerprint {vm.fingerprint}" in error.fix
    assert f"ssh-keyscan -p {vm.port} 127.0.0.1 >> " in error.fix
    assert error.exit_code == 3


def test_the_fingerprint_that_it_says_is_the_one_to_pin(
    make_backend: MakeBackend, vm: SshMachine, no_own_keys: None
) -> None:
    assert make_backend(**vm.settings(known_hosts=None, fingerprint=vm.fingerprint)).check()


def test_another_host_key_than_the_known_one_is_refused(
    make_backend: MakeBackend, vm: SshMachine, second_vm: SshMachine, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(second_vm.known_hosts.read_text().replace(f"{second_vm.port}", f"{vm.port}"))
    error = refusal(make_backend(**vm.settings(known_hosts=str(wrong))))
    assert "is not the one in" in error.what
    assert vm.fingerprint in error.what
    pinned = refusal(make_backend(**vm.settings(fingerprint=second_vm.fingerprint)))
    assert "none of those of the target" in pinned.what


def test_not_let_in_is_final_for_new_jobs_and_a_pause_for_those_that_run(
    make_backend: MakeBackend, vm: SshMachine, second_vm: SshMachine
) -> None:
    backend = make_backend(**vm.settings(key_file=str(second_vm.directory / "host_key")))
    error = refusal(backend)
    assert not isinstance(error, TransientBackendError)
    with pytest.raises(TransientBackendError, match="does not let"):
        backend.status(JobHandle("ssh", "gpu-vm", "aml-1-1", {"host": f"127.0.0.1:{vm.port}"}))


def test_a_machine_that_is_off_cannot_be_reached(make_backend: MakeBackend, vm: SshMachine) -> None:
    with pytest.raises(TransientBackendError, match="cannot be reached"):
        make_backend(**vm.settings(host="127.0.0.1:1")).check()
    with pytest.raises(TransientBackendError, match="its name is not known"):
        make_backend(**vm.settings(host="no-such-machine.invalid")).check()


def test_python_that_will_not_do(make_backend: MakeBackend, vm: SshMachine) -> None:
    error = refusal(make_backend(**vm.settings(python="/no/such/python")))
    assert "/no/such/python" in error.what
    assert "3.8" in error.fix
    old = vm.directory / "old-python"
    old.write_text("#!/bin/sh\necho 'aml needs Python 3.8 or newer' >&2; exit 1\n")
    old.chmod(0o755)
    assert "older than 3.8" in refusal(make_backend(**vm.settings(python=str(old)))).what


@pytest.mark.skipif(os.geteuid() != 0, reason="the machine's user is the one that runs the tests")
def test_a_directory_that_the_user_may_not_write_to(make_backend: MakeBackend, vm: SshMachine) -> None:
    error = refusal(make_backend(**vm.settings(directory="/proc/aml")))
    assert "/proc" in error.what
