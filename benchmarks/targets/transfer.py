"""Much data there and back: a 200 MB snapshot, 5,000 small files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from overhead import ssh_command
from services.ssh_machine import SshMachine

from aml_backends.ssh.backend import SshBackend
from aml_backends.ssh.config import SshConfig
from aml_plugins.compute import ComputeTarget
from aml_plugins.runs.snapshot import take_snapshot
from aml_plugins.testing.jobs import clean_up, make_job, wait_until_ended

Contender = Callable[[], tuple[float, ...]]


def sources(scratch: Path) -> dict[str, Path]:
    """Return what is to be moved, made where it is not there yet."""
    return {"200 MB in 20 files": _large(scratch), "5,000 files of 2 kB": _small(scratch)}


def transfer_contenders(vm: SshMachine, scratch: Path) -> Iterator[tuple[str, dict[str, Contender]]]:
    for title, folder in sources(scratch).items():
        backend = _backend(vm, scratch)
        yield (
            f"{title}: to the machine",
            {
                "tar | ssh host tar": lambda folder=folder: _tar_there(vm, folder),
                "AML Plugins: snapshot, send, unpack": lambda backend=backend, folder=folder: _ours_there(
                    backend, scratch, folder
                ),
                "of which send and unpack": lambda backend=backend, folder=folder: _sent(backend, scratch, folder),
            },
        )
        yield f"{title}: home", _home_contenders(vm, backend, scratch, folder)
        backend.close()


def _home_contenders(vm: SshMachine, backend: SshBackend, scratch: Path, folder: Path) -> dict[str, Contender]:
    there = vm.home / "results"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(folder, there)
    key = f"aml-{uuid.uuid4().hex}-1"
    copy = f"import shutil; shutil.copytree({str(there)!r}, 'outputs/all')"
    handle = backend.submit(make_job(scratch / "jobs", key, copy), key)
    wait_until_ended(backend, handle)
    # The same files, so that both read the same pages.
    job = vm.home / ".aml" / "jobs" / "default" / "vm" / key / "work" / "outputs" / "all"

    def tar_home() -> tuple[float, ...]:
        with _fresh(scratch / "home-tar") as place:
            begun = time.time()
            remote = shlex.join(["tar", "-C", str(job), "-cf", "-", "."])
            _pipe([*ssh_command(vm), remote], ["tar", "-C", str(place), "-xf", "-"])
            return (time.time() - begun,)

    def ours_home() -> tuple[float, ...]:
        with _fresh(scratch / "home-ours") as place:
            begun = time.time()
            backend.fetch(handle, place)
            return (time.time() - begun,)

    return {"ssh host tar | tar": tar_home, "AML Plugins: fetch": ours_home}


def _tar_there(vm: SshMachine, folder: Path) -> tuple[float, ...]:
    place = f"/tmp/aml-benchmark-{uuid.uuid4().hex}"
    begun = time.time()
    _pipe(["tar", "-C", str(folder), "-cf", "-", "."], [*ssh_command(vm), f"mkdir {place} && tar -C {place} -xf -"])
    taken = time.time() - begun
    shutil.rmtree(place)
    return (taken,)


def _ours_there(backend: SshBackend, scratch: Path, folder: Path) -> tuple[float, ...]:
    shutil.rmtree(scratch / "snapshots", ignore_errors=True)
    begun = time.time()
    take_snapshot(folder, cache=scratch / "snapshots")
    taken = time.time() - begun
    return (taken + _sent(backend, scratch, folder)[0],)


def _sent(backend: SshBackend, scratch: Path, folder: Path) -> tuple[float, ...]:
    """Until the script starts: sent, checked, unpacked."""
    snapshot = take_snapshot(folder, cache=scratch / "snapshots")
    key = f"aml-{uuid.uuid4().hex}-1"
    spec = make_job(scratch / "jobs", key, "", snapshot=snapshot.path, snapshot_digest=snapshot.digest)
    begun = time.time()
    handle = backend.submit(spec, key)
    status = wait_until_ended(backend, handle)
    clean_up(backend, handle)
    assert status.started_at is not None, status
    return (status.started_at - begun,)


def _backend(vm: SshMachine, scratch: Path) -> SshBackend:
    config = SshConfig.model_validate(vm.settings())
    target = ComputeTarget(workspace="default", name="vm", type="ssh", config=config, home=scratch)
    return SshBackend(target)


def _large(scratch: Path) -> Path:
    folder = scratch / "large"
    folder.mkdir(exist_ok=True)
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(os.urandom(10 << 20))
    (folder / "train.py").write_text("")
    return folder


def _small(scratch: Path) -> Path:
    folder = scratch / "small"
    for number in range(5000):
        path = folder / f"{number % 50}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000).hex().encode())
    (folder / "train.py").write_text("")
    return folder


class _fresh:  # noqa: N801  used as a function
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir()
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _pipe(first: list[str], second: list[str]) -> None:
    with subprocess.Popen(first, stdout=subprocess.PIPE) as source:
        subprocess.run(second, stdin=source.stdout, check=True)
    assert source.returncode == 0
