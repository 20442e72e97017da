"""Cables that are cut in the middle, machines that go away and come back: nothing is lost, twice, or left behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from services.ssh_machine import IS_ROOT, Cable, SshMachine

from aml_backends.ssh import machine as machine_module
from aml_backends.ssh.backend import SshBackend
from aml_plugins.compute import JobHandle, JobSpec, JobState
from aml_plugins.errors import BackendError, JobNotFoundError, TransientBackendError
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.contract.base import fetched
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

MakeBackend = Callable[..., SshBackend]
MakeJob = Callable[..., JobSpec]

BIG = 6 << 20
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"
ONCE = "print('once', flush=True)"


@pytest.fixture
def key() -> str:
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def job(tmp_path: Path, key: str) -> MakeJob:
    return lambda program, **options: make_job(tmp_path, key, program, **options)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait for a patience that is for machines that are away for hours."""
    monkeypatch.setattr(machine_module, "RETRY_SECONDS", (0.0, 0.0))


@pytest.fixture
def backend(make_backend: MakeBackend, cable: Cable, vm: SshMachine, key: str):
    backend = make_backend(**vm.settings_through(cable))
    yield backend
    cable.plug()
    handle = backend.find(key)
    if handle is not None:
        clean_up(backend, handle)
    assert vm.jobs() == []


def again(work: Callable[[], object]) -> object:
    """Do it as a driver does: later, where the target says so."""
    answers: list[object] = []

    def once() -> bool:
        try:
            answers.append(work())
        except TransientBackendError:
            return False
        return True

    wait_until(once, 60)
    return answers[0]


def kill_runner(vm: SshMachine, key: str, number: int = signal.SIGKILL) -> None:
    """Kill the runner before all else: it would tell what happened to the script."""
    lock = vm.home / ".aml" / "jobs" / "default" / "gpu-vm" / key / "lock"
    for pid in (int(lock.read_text().split()[0]), *processes_of_job(key)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.fixture(params=[False, True], ids=["for a moment", "for a while"])
def in_spite_of_the_cut(request: pytest.FixtureRequest, cable: Cable) -> Callable[[Callable[[], object]], object]:
    """Do something while the cable is cut once; where it stays cut, the question cannot answer itself by repetition."""
    cable.stays_cut = request.param

    def do(work: Callable[[], object]) -> object:
        if cable.stays_cut:
            with pytest.raises(TransientBackendError):
                work()
            cable.plug()
        answer = again(work)
        assert cable.cuts == 1
        return answer

    return do


@pytest.mark.parametrize("sent", [BIG // 4, BIG - 1000])
def test_cut_in_the_middle_of_sending(
    sent: int, in_spite_of_the_cut: Callable[..., object], backend: SshBackend, cable: Cable, job: MakeJob
) -> None:
    spec = job(ONCE, files={"big.bin": os.urandom(BIG)})
    backend.check()
    cable.cut_after = sent
    handle = in_spite_of_the_cut(lambda: backend.submit(spec, f"aml-{spec.run_id}-1"))
    assert isinstance(handle, JobHandle)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert backend.logs(handle).data == b"once\n"


def test_cut_in_the_middle_of_results(
    in_spite_of_the_cut: Callable[..., object], backend: SshBackend, cable: Cable, key: str, tmp_path: Path
) -> None:
    script = f"import os; data = os.urandom({BIG}); open('outputs/big', 'wb').write(data)\n"
    script += "import hashlib; print(hashlib.sha256(data).hexdigest())"
    handle = backend.submit(make_job(tmp_path, key, script), key)
    wait_until_ended(backend, handle)
    cable.cut_after = BIG // 2
    results = in_spite_of_the_cut(lambda: fetched(backend, handle, tmp_path))
    assert isinstance(results, Path)
    digest = hashlib.sha256((results / "outputs" / "big").read_bytes()).hexdigest()
    assert (results / "logs" / "std_log.txt").read_text().strip() == digest


def test_cut_in_the_middle_of_a_log(backend: SshBackend, cable: Cable, key: str, tmp_path: Path) -> None:
    script = "import sys\nfor number in range(40000): sys.stdout.write('line %d %s\\n' % (number, 'x' * 50))"
    handle = backend.submit(make_job(tmp_path, key, script), key)
    wait_until_ended(backend, handle)
    cable.cut_after = 300_000
    whole, cursor = b"", ""
    while True:
        chunk = again(lambda at=cursor: backend.logs(handle, at))
        if not chunk.data:
            break
        whole, cursor = whole + chunk.data, chunk.cursor
    assert cable.cuts == 1
    assert whole == b"".join(b"line %d %s\n" % (number, b"x" * 50) for number in range(40000))


def test_a_connection_that_died_unnoticed_is_made_again_within_the_same_question(
    backend: SshBackend, cable: Cable, key: str, tmp_path: Path
) -> None:
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    for _ in range(3):
        cable.cut()
        cable.plug()
        assert backend.status(handle).state is JobState.RUNNING


def test_a_server_that_is_killed_and_comes_back(backend: SshBackend, key: str, tmp_path: Path, vm: SshMachine) -> None:
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    vm.stop()
    try:
        with pytest.raises(TransientBackendError):
            backend.status(handle)
        assert processes_of_job(key), "the run goes on without a connection"
    finally:
        vm.start()
    assert again(lambda: backend.status(handle)) == backend.status(handle)
    assert is_running(backend, handle)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["power cut", "shutdown"])
def test_a_machine_that_was_restarted_says_so(
    backend: SshBackend, key: str, tmp_path: Path, vm: SshMachine, number: int
) -> None:
    """What a restart leaves: no process, and a boot id that is not the one from before."""
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    kill_runner(vm, key, number)
    (vm.home / ".aml" / "jobs" / "default" / "gpu-vm" / key / "boot").write_text("another")
    status = wait_until_ended(backend, handle)
    assert status.state is JobState.FAILED
    assert status.reason == "The machine was restarted while the job was on it."
    assert status.lost


def test_a_killed_runner_is_no_restart(backend: SshBackend, key: str, tmp_path: Path, vm: SshMachine) -> None:
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    kill_runner(vm, key)
    assert "The runner of the job was killed" in (wait_until_ended(backend, handle).reason or "")


def test_nobody_hammers_a_machine_that_is_away(
    backend: SshBackend, cable: Cable, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(machine_module, "RETRY_SECONDS", (60.0, 60.0))
    backend.check()
    before = cable.connections
    cable.cut()
    with pytest.raises(TransientBackendError):
        backend.check()
    cable.plug()
    for _ in range(20):
        with pytest.raises(TransientBackendError):
            backend.check()
    assert cable.connections == before
    machine = next(iter(backend._machines.values()))
    machine._retry_at = time.monotonic()
    assert backend.check()


def test_a_thousand_jobs_are_one_connection_and_one_question(
    backend: SshBackend, cable: Cable, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = backend.submit(make_job(tmp_path, key, ONCE), key)
    wait_until_ended(backend, handle)
    questions: list[str] = []
    for machine in backend._machines.values():
        ask = machine.ask

        async def counted(message, ask=ask):
            questions.append(message["do"])
            return await ask(message)

        monkeypatch.setattr(machine, "ask", counted)
    here = handle.data
    handles = [JobHandle("ssh", "gpu-vm", f"aml-{number}-1", here) for number in range(999)]
    seen = backend.statuses([*handles, handle])
    assert seen[handle].state is JobState.SUCCEEDED
    assert all(isinstance(seen[missing], JobNotFoundError) for missing in handles)
    assert questions == ["statuses"]
    assert cable.connections == 1


@pytest.mark.skipif(not IS_ROOT, reason="a machine with a very small disk can only be made by root")
def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(
    make_backend: MakeBackend, vm: SshMachine, key: str, tmp_path: Path
) -> None:
    backend = make_backend(**vm.settings(directory="~/small"))
    with pytest.raises(BackendError, match=r"The disk of .* is full") as raised:
        backend.submit(make_job(tmp_path, key, ONCE, files={"big.bin": os.urandom(BIG)}), key)
    assert not isinstance(raised.value, TransientBackendError)
    handle = backend.find(key)
    assert handle is not None
    clean_up(backend, handle)
    small = backend.submit(make_job(tmp_path, key, ONCE), key)
    assert wait_until_ended(backend, small).state is JobState.SUCCEEDED
    clean_up(backend, small)
