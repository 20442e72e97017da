"""Several machines as one target, and machines that are not to be trusted."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from services.ssh_machine import Cable, SshMachine

from aml_backends.ssh import program as program_module
from aml_backends.ssh.backend import SshBackend
from aml_backends.ssh.remote.jobs import Jobs
from aml_backends.ssh.remote.slots import Slots
from aml_backends.ssh.remote.wire import LENGTH, READY, pack
from aml_backends.ssh.session import LostError
from aml_backends.ssh.transfer import receive_results
from aml_plugins.compute import JobHandle, JobState
from aml_plugins.errors import JobNotFoundError, TransientBackendError
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

MakeBackend = Callable[..., SshBackend]
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"


def new_key() -> str:
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def settings(vm: SshMachine, second_vm: SshMachine) -> dict[str, object]:
    (second_vm.directory / "authorized_keys").write_text((vm.directory / "user_key.pub").read_text())
    hosts = [f"127.0.0.1:{vm.port}", f"127.0.0.1:{second_vm.port}"]
    return vm.settings(host=hosts, known_hosts=None, fingerprint=[vm.fingerprint, second_vm.fingerprint])


@pytest.fixture
def backend(make_backend: MakeBackend, settings: dict[str, object], vm: SshMachine, second_vm: SshMachine):
    backend = make_backend(**settings)
    yield backend
    for handle in backend.list_jobs():
        clean_up(backend, handle)
    assert vm.jobs() == second_vm.jobs() == []


def test_jobs_go_where_there_is_room(backend: SshBackend, tmp_path: Path) -> None:
    assert backend.target.config.max_parallel_runs == 2
    handles = [backend.submit(make_job(tmp_path, key := new_key(), ENDLESS), key) for _ in range(2)]
    assert {str(handle.data["host"]) for handle in handles} == set(backend._machines)
    assert sorted(handle.job_id for handle in backend.list_jobs()) == sorted(handle.job_id for handle in handles)
    for handle in handles:
        assert backend.find(handle.job_id) == handle
        wait_until(lambda handle=handle: is_running(backend, handle))


def test_submitters_at_the_same_time_do_not_share_a_slot(
    make_backend: MakeBackend, settings: dict[str, object], backend: SshBackend, tmp_path: Path
) -> None:
    """All look before one of them brings its job: each machine takes as many as it has slots for."""
    keys = [new_key() for _ in range(4)]
    others = [make_backend(**settings, slots=2) for _ in keys]
    specs = [make_job(tmp_path, key, ENDLESS) for key in keys]
    with ThreadPoolExecutor(len(keys)) as pool:
        handles = list(pool.map(lambda other, spec, key: other.submit(spec, key), others, specs, keys))
    hosts = [str(handle.data["host"]) for handle in handles]
    assert sorted(hosts.count(host) for host in backend._machines) == [2, 2]


def test_a_slot_is_kept_for_a_job_on_its_way_and_for_no_longer(tmp_path: Path) -> None:
    root = str(tmp_path / "jobs")
    slots = Slots(root, Jobs(root).running)
    assert slots.reserve("aml-1", 1)
    assert slots.reserve("aml-1", 1), "asking again is the same"
    assert not slots.reserve("aml-2", 1)
    assert slots.taken() == 1
    os.utime(tmp_path / "jobs" / ".reserved" / "aml-1", (0, 0))  # its submitter was killed, long ago
    assert slots.reserve("aml-2", 1)
    slots.unreserve("aml-2")
    assert list((tmp_path / "jobs").iterdir()) == []


def test_submitters_that_see_different_room_agree(
    make_backend: MakeBackend, settings: dict[str, object], backend: SshBackend, tmp_path: Path
) -> None:
    """Each sees another machine free and keeps a slot there; who keeps the decision lets one win, the rest give up."""
    others = [make_backend(**settings) for _ in range(4)]
    for number, other in enumerate(others):
        machines = list(other._machines.values())

        async def biased(key, machines=machines, number=number):
            await machines[number % 2].ask({"do": "reserve", "key": key, "slots": 9})
            return machines[number % 2]

        other._placement._roomiest = biased
    for _ in range(3):
        key = new_key()
        spec = make_job(tmp_path, key, "print('once', flush=True)")
        with ThreadPoolExecutor(len(others)) as pool:
            handles = list(pool.map(lambda other, spec=spec, key=key: other.submit(spec, key), others))
        assert len({str(handle.data) for handle in handles}) == 1
        assert wait_until_ended(backend, handles[0]).state is JobState.SUCCEEDED
        assert backend.logs(handles[0]).data == b"once\n"


def test_one_machine_away_hides_only_its_own_jobs(
    make_backend: MakeBackend, settings: dict[str, object], vm: SshMachine, second_vm: SshMachine, tmp_path: Path
) -> None:
    cable = Cable(second_vm.port)
    hosts = [f"127.0.0.1:{vm.port}", f"127.0.0.1:{cable.port}"]
    backend = make_backend(**{**settings, "host": hosts, "slots": 1})
    handles = [backend.submit(make_job(tmp_path, key := new_key(), ENDLESS), key) for _ in range(2)]
    here, there = sorted(handles, key=lambda handle: hosts.index(str(handle.data["host"])))
    try:
        with cable.unplugged():
            seen = backend.statuses(handles)
            assert not isinstance(seen[here], Exception)
            assert isinstance(seen[there], TransientBackendError)
        wait_until(lambda: not isinstance(backend.statuses([there])[there], Exception))
    finally:
        for handle in handles:
            clean_up(backend, handle)
        cable.close()


def test_a_machine_that_left_the_target_has_no_jobs_of_it(backend: SshBackend) -> None:
    gone = JobHandle("ssh", "gpu-vm", new_key(), {"host": "gone.example.com"})
    assert isinstance(backend.statuses([gone])[gone], JobNotFoundError)
    backend.cancel(gone)


class Liar:
    """A session whose machine says what it likes."""

    def __init__(self, *said: dict[str, object]) -> None:
        self._said = iter(said)

    async def send(self, blocks: object) -> None:
        return

    async def read(self) -> dict[str, object]:
        return next(self._said)

    async def read_raw(self, size: int):
        yield b"x" * size


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a//b", ".", "a\0b", None, "x" * 5000])
def test_results_cannot_leave_their_directory(name: str, tmp_path: Path) -> None:
    destination = tmp_path / "results"
    destination.mkdir()
    liar = Liar({"path": name, "size": 1}, {"end": True})
    with pytest.raises(LostError, match="leave"):
        asyncio.run(receive_results(liar, "key", destination))  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.rglob("*")] == ["results"]


@pytest.fixture
def far_side(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program as a machine runs it, without SSH."""
    command = ["/bin/sh", "-c", program_module.start_command(sys.executable)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(program_module.program(str(tmp_path / "there"), "default/vm"))
    process.stdin.flush()
    yield process
    process.kill()
    process.wait()


def test_the_program_leaves_when_we_do_and_writes_nothing_by_itself(
    far_side: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert far_side.stdin is not None
    assert far_side.stdout is not None
    far_side.stdin.write(pack({"do": "statuses", "keys": ["aml-1-1"]}))
    far_side.stdin.close()
    assert far_side.stdout.read() == READY + pack({"statuses": [None]})
    assert far_side.wait(20) == 0
    assert not (tmp_path / "there").exists()


def test_cut_in_the_middle_of_a_file_nothing_half_is_left(far_side: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert far_side.stdin is not None
    files = {"job.json": 2, "runner.pyz": 5, "snapshot.zip": 100}
    message = {"do": "submit", "key": "aml-1-1", "files": files, "variables": {}}
    far_side.stdin.write(pack(message) + b"{}" + b"12345" + b"half of it")
    far_side.stdin.close()
    assert far_side.wait(20) == 0
    job = tmp_path / "there" / "jobs" / "default" / "vm" / "aml-1-1"
    assert sorted(path.name for path in job.iterdir()) == ["boot", "job.json", "runner.pyz"]
    assert job.stat().st_mode & 0o777 == 0o700


def test_everything_the_machine_runs_is_python_3_8() -> None:
    import ast

    for name, source in program_module._sources():
        ast.parse(source, filename=name, feature_version=(3, 8))
        assert "from __future__ import annotations" in source
    assert LENGTH.size == 4
