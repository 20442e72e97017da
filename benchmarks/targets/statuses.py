"""Looking at many jobs on one machine: wall time and the submitter's own processor time for one question."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from services.ssh_machine import SshMachine

from aml_backends.ssh.backend import SshBackend
from aml_backends.ssh.config import SshConfig
from aml_plugins.compute import ComputeTarget, JobHandle

ROUNDS = 7


def measure_statuses(vm: SshMachine, scratch: Path) -> None:
    target = ComputeTarget(
        workspace="default", name="many", type="ssh", config=SshConfig.model_validate(vm.settings()), home=scratch
    )
    backend = SshBackend(target)
    jobs = vm.home / ".aml" / "jobs" / "default" / "many"
    print("\njobs in one question: seconds, processor seconds here", flush=True)
    for count in (1, 1000, 10000):
        handles = [_running(jobs, number, vm) for number in range(count)]
        backend.statuses(handles)
        times = [_measure(backend, handles) for _ in range(ROUNDS)]
        wall, own = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"  {count:>6}  {wall:7.3f} s  {own:7.3f} s", flush=True)
    backend.close()


def _measure(backend: SshBackend, handles: list[JobHandle]) -> tuple[float, float]:
    begun, used = time.time(), time.process_time()
    backend.statuses(handles)
    return time.time() - begun, time.process_time() - used


def _running(jobs: Path, number: int, vm: SshMachine) -> JobHandle:
    """A job as its runner left it; looking at it costs what looking at any ended one does."""
    path = jobs / f"aml-{number}-1"
    path.mkdir(parents=True, exist_ok=True)
    said = '{"version": 1, "state": "succeeded", "pid": 1, "heartbeat": 1.0, "exit_code": 0}'
    (path / "status.json").write_text(said)
    return JobHandle("ssh", "many", path.name, {"host": f"127.0.0.1:{vm.port}"})
