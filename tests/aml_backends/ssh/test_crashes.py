"""A submitter that is killed with SIGKILL at any word it exchanges with the machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from services.ssh_machine import SshMachine

from aml_backends.ssh.backend import SshBackend
from aml_plugins.compute import JobState
from aml_plugins.testing.jobs import clean_up, make_job, wait_until_ended

# Kills itself at the Nth block that it sends, or word that it reads, before or after it.
SUBMITTER = """
import json, os, signal, sys
from pathlib import Path
settings, home, bundle, runner, key, name, when, fatal = sys.argv[1:]
from aml_backends.ssh.backend import SshBackend
from aml_backends.ssh.config import SshConfig
from aml_backends.ssh.session import Session
from aml_plugins.compute import ComputeTarget, JobSpec

config = SshConfig.model_validate(json.loads(settings))
target = ComputeTarget(workspace="default", name="gpu-vm", type="ssh", config=config, home=Path(home))
files = {"runner.pyz": Path(runner), **{n: Path(bundle) / n for n in ("job.json", "snapshot.zip")}}
original, count = getattr(Session, name), 0

async def deadly(self, *arguments):
    global count
    count += 1
    if count == int(fatal) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = await original(self, *arguments)
    if count == int(fatal):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(Session, name, deadly)
SshBackend(target).submit(JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle=files), key)
"""

# The question, three files; its answer, the last word.
WINDOWS = [
    *(("send", "before", count) for count in (1, 2, 3, 4)),
    ("send", "after", 4),
    ("read", "before", 2),
    ("read", "after", 2),
]


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: " ".join(map(str, window)))
def test_a_submitter_killed_anywhere_starts_one_script(
    window: tuple[str, str, int], make_backend: Callable[..., SshBackend], vm: SshMachine, tmp_path: Path
) -> None:
    backend = make_backend(**vm.settings())
    key = f"aml-{uuid.uuid4().hex}-1"
    spec = make_job(tmp_path, key, "print('once', flush=True)")
    arguments = [tmp_path, spec.bundle["job.json"].parent, spec.bundle["runner.pyz"], key, *window]
    command = [sys.executable, "-c", SUBMITTER, json.dumps(vm.settings()), *map(str, arguments)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    handle = backend.submit(spec, key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert backend.logs(handle).data == b"once\n"
    clean_up(backend, handle)
    assert vm.jobs() == []
