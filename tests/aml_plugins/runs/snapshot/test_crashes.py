"""Killed processes, several processes, full disks."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.snapshot import Snapshot, content_digest, take_snapshot
from aml_plugins.testing.jobs import wait_until

Take = Callable[[], Snapshot]
CODE = """
import pathlib, sys
from aml_plugins.runs.snapshot import take_snapshot
source, cache, times = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
for _ in range(times):
    print(take_snapshot(source, cache=cache).digest, flush=True)
"""


def start(source: Path, cache: Path, times: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, str(source), str(cache), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["with a file half-written", "at some time", "later"])
def test_a_killed_snapshot_leaves_nothing_for_long(source: Path, cache: Path, take: Take, moment: str) -> None:
    for number in range(20):
        (source / f"{number}.bin").write_bytes(os.urandom(5_000_000))
    child = start(source, cache)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    if moment == "with a file half-written":
        while not (cache / "tmp").exists() or not list((cache / "tmp").iterdir()):
            time.sleep(0.001)
    else:
        time.sleep(0.02 if moment == "later" else 0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    snapshot = take()
    assert content_digest(snapshot.path) == snapshot.digest
    # Killed between the fork and the exec of its helper, which holds the locks an instant longer.
    wait_until(lambda: take().digest == snapshot.digest and not list((cache / "tmp").iterdir()))
    assert [path.name for path in cache.glob("*.zip")] == [f"{snapshot.digest}.zip"]


def test_a_living_writers_file_is_left_alone(source: Path, cache: Path, take: Take) -> None:
    (source / "big.bin").write_bytes(os.urandom(60_000_000))
    children = [start(source, cache, 2) for _ in range(3)]
    (source / "other").touch()
    for _ in range(30):
        take_snapshot(source, cache=cache)
        (source / "other").touch()
    for child in children:
        output, _ = child.communicate(timeout=120)
        assert child.returncode == 0
        assert len(output.split()) == 3


def test_processes_share_directory_and_cache(source: Path, cache: Path, take: Take) -> None:
    for number in range(300):
        (source / f"{number}.txt").write_text(f"{number}" * 500)
    children = [start(source, cache, 20) for _ in range(4)]
    digests = set()
    for child in children:
        output, _ = child.communicate(timeout=120)
        assert child.returncode == 0
        digests |= set(output.split()[1:])
    assert digests == {take().digest}
    assert content_digest(take().path) == take().digest
    assert list((cache / "tmp").iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(source: Path, cache: Path, take: Take) -> None:
    (source / "big.bin").write_bytes(os.urandom(4_000_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))  # the kernel refuses to let a file grow further
    try:
        with pytest.raises(OperationFailedError, match=r"The snapshot cache '.*' is full\. Free space there"):
            take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((cache / "tmp").iterdir()) == []
    assert list(cache.glob("*.zip")) == []
    assert take().files == 1


def test_a_cache_that_cannot_be_made_is_one_sentence(source: Path, tmp_path: Path) -> None:
    (source / "a").touch()
    (tmp_path / "file").touch()
    with pytest.raises(OperationFailedError, match=r"The snapshot cache '.*' cannot be used: Not a directory"):
        take_snapshot(source, cache=tmp_path / "file" / "cache")
