"""What runners take of a processor, a job: all that a launcher and what it started use, less what plain scripts use.

Jobs that do nothing run two at a time through the launcher of a ``local`` target; shares of them take turns with as
many plain processes. The kernel counts in a control group, whatever else the machine does; making one takes root on
Linux. ``--base`` is for the directories of jobs: on ``/dev/shm`` files cost next to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aml_backends.local.launching import Launcher
from aml_plugins.runs.runner.status import TERMINAL, read_status
from aml_plugins.testing.jobs import make_job

SLOTS = 2
SHARES = 4
SCRIPT = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"


class Group:
    """A control group that counts processor time, of either version."""

    def __init__(self) -> None:
        root = Path("/sys/fs/cgroup")
        self._old = (root / "cpuacct").is_dir()
        self.path = (root / "cpuacct" if self._old else root) / f"aml-runners-{os.getpid()}"
        self.path.mkdir()

    def take(self, pid: int) -> None:
        (self.path / "cgroup.procs").write_text(str(pid))

    def used(self) -> float:
        """Return milliseconds."""
        if self._old:
            return int((self.path / "cpuacct.usage").read_text()) / 1e6
        return int((self.path / "cpu.stat").read_text().split()[1]) / 1e3

    def delete(self) -> None:
        while (self.path / "cgroup.procs").read_text():
            time.sleep(0.01)
        self.path.rmdir()


class Ours:
    """Jobs through a launcher."""

    def __init__(self, base: Path, group: Group) -> None:
        self._base, self._group, self._made = base, group, 0
        self._spec = make_job(base, "aml-0-1", SCRIPT, arguments=[os.devnull], cache=str(base / "cache"))
        self._launcher = Launcher(base)
        self._launcher.get_ready(sys.executable, self._spec.bundle["runner.pyz"])
        found = [path for path in Path("/proc").glob("[0-9]*/cmdline") if self._is_launcher(path)]
        group.take(int(found[0].parent.name))
        self.share(10)

    def share(self, jobs: int) -> float:
        waiting, running = [self._directory() for _ in range(jobs)], list[Path]()
        before = self._group.used()
        while waiting or running:
            running = [path for path in running if (read_status(str(path)) or {}).get("state") not in TERMINAL]
            while waiting and len(running) < SLOTS:
                running.append(waiting.pop())
                variables = {"AML_JOB_KEY": running[-1].name}
                assert self._launcher.start(sys.executable, self._spec.bundle["runner.pyz"], running[-1], variables)
            time.sleep(0.002)
        return self._group.used() - before

    def close(self) -> None:
        self._launcher.close()

    def _is_launcher(self, path: Path) -> bool:
        command = path.read_bytes() if path.parent.is_dir() else b""
        return b"aml_runner.launcher" in command and os.fsencode(self._spec.bundle["runner.pyz"]) in command

    def _directory(self) -> Path:
        self._made += 1
        directory = self._base / f"aml-{self._made}-1"
        directory.mkdir()
        job = json.loads(self._spec.bundle["job.json"].read_text())
        (directory / "job.json").write_text(json.dumps({**job, "key": directory.name}))
        for name in ("runner.pyz", "snapshot.zip"):
            (directory / name).hardlink_to(self._spec.bundle[name])
        return directory


def plain(script: Path, group: Group, runs: int) -> float:
    """Run the script as it is; the shell is the group's, and counts for next to nothing."""
    before = group.used()
    loop = f'echo $$ > "$3/cgroup.procs"; for i in $(seq {runs}); do "$1" "$2" {os.devnull}; done'
    subprocess.run(["/bin/sh", "-c", loop, "sh", sys.executable, script, group.path], check=True)
    return group.used() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("jobs", type=int, nargs="?", default=200)
    parser.add_argument("--base", help="where jobs have their directories")
    arguments = parser.parse_args()
    each = arguments.jobs // SHARES
    with tempfile.TemporaryDirectory(dir=arguments.base) as base:
        script = Path(base, "noop.py")
        script.write_text(SCRIPT)
        group = Group()
        ours = Ours(Path(base), group)
        used = [(ours.share(each), plain(script, group, each)) for _ in range(SHARES)]
        ours.close()
        group.delete()
    whole, floor = (sum(values) / each / SHARES for values in zip(*used, strict=True))
    print(f"{each * SHARES} jobs, ms of processor time each")
    print(f"  launcher, runner, script {whole:6.2f}\n  the script alone         {floor:6.2f}")
    print(f"  launcher and runner      {whole - floor:6.2f}")


if __name__ == "__main__":
    main()
