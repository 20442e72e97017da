"""A run that does nothing, to its first line and to its end."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from services.docker_engine import DockerEngine
from services.ssh_machine import SshMachine

from aml_plugins import Experiment, ScriptRunConfig, Workspace

Contender = Callable[[], tuple[float, ...]]
NOOP = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"


def ssh_contenders(vm: SshMachine, scratch: Path) -> dict[str, Contender]:
    witness = vm.home / "witness"
    (vm.home / "noop.py").write_text(NOOP)
    remote = f"{vm.python} {shlex.quote(str(vm.home / 'noop.py'))} {witness}"
    bare = ssh_command(vm)
    kept = [
        *bare[:1],
        "-o",
        "ControlMaster=auto",
        "-o",
        f"ControlPath={scratch}/%p",
        "-o",
        "ControlPersist=60",
        *bare[1:],
    ]
    workspace = Workspace.get("default")
    workspace.attach_compute("ssh", "vm", **vm.settings())
    return {
        "ssh host python noop.py": timed(lambda: run([*bare, remote]), witness),
        "the same on a kept connection": timed(lambda: run([*kept, remote]), witness),
        "AML Plugins, the whole run": timed(ours(workspace, "vm", scratch, witness), witness),
    }


def docker_contenders(engine: DockerEngine, scratch: Path) -> dict[str, Contender]:
    folder = scratch / "docker"
    folder.mkdir()
    (folder / "noop.py").write_text(NOOP)
    witness = scratch / "docker-witness"
    command = ["docker", "-H", engine.address, "run", "--rm", "--network", engine.network, "-v", f"{scratch}:{scratch}"]
    workspace = Workspace.get("default")
    workspace.attach_compute("docker", "boxes", engine=engine.address, image=engine.image, network=engine.network)
    inside = "outputs/witness"
    return {
        "docker run image python noop.py": timed(
            lambda: run([*command, engine.image, "python3", str(folder / "noop.py"), str(witness)]), witness
        ),
        "AML Plugins, the whole run": brought_home(ours(workspace, "boxes", scratch, Path(inside)), "witness"),
    }


def ours(workspace: Workspace, target: str, scratch: Path, witness: Path) -> Callable[[], object]:
    source = scratch / f"source-{target}"
    source.mkdir()
    (source / "noop.py").write_text(NOOP)
    config = ScriptRunConfig(source, script="noop.py", arguments=[str(witness)], compute_target=target)
    experiment = Experiment(workspace, f"benchmark-{target}")
    return lambda: experiment.submit(config).wait_for_completion()


def timed(work: Callable[[], object], witness: Path) -> Contender:
    def measure() -> tuple[float, ...]:
        begun = time.time()
        work()
        return float(witness.read_text()) - begun, time.time() - begun

    return measure


def brought_home(work: Callable[[], object], name: str) -> Contender:
    """What a container wrote comes home as an output."""

    def measure() -> tuple[float, ...]:
        begun = time.time()
        run = work()
        ended = time.time()
        return float(run.download_file(f"outputs/{name}", "/tmp").read_text()) - begun, ended - begun  # type: ignore[attr-defined]

    return measure


def ssh_command(vm: SshMachine) -> list[str]:
    options = ["-o", f"UserKnownHostsFile={vm.known_hosts}", "-o", "BatchMode=yes", "-c", "aes128-gcm@openssh.com"]
    return ["ssh", "-q", "-i", str(vm.key_file), "-p", str(vm.port), *options, f"{vm.user}@127.0.0.1"]


def run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
