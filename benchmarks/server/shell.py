"""From the shell, with a server that is up."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Taken", "first_lines_and_ends", "seconds_of"]

# When it began, and the processor time that the command whose id stands in the other file had taken by then.
NOOP = """\
import sys, time
began = time.time()
import os
try:
    tasks = "/proc/%s/task" % open(sys.argv[1] + ".pid").read()
    used = sum(int(open("%s/%s/schedstat" % (tasks, one)).read().split()[0]) for one in os.listdir(tasks)) / 1e9
except OSError:
    used = 0.0
open(sys.argv[1], "w").write("%r %r" % (began, used))
"""


class Taken(NamedTuple):
    """Seconds from the command's start; ``processor``: what it had of the processors until the first line."""

    first_line: float
    end: float
    processor: float


def seconds_of(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the median of several runs, after one that warms caches."""
    taken = []
    for _ in range(12):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def first_lines_and_ends(
    environment: Mapping[str, str], home: Path, peers: str | None, before: str | None = None, rounds: int = 11
) -> Mapping[str, Taken]:
    """Run a script that says when it began, each contender in turn; return medians.

    :param peers: a Python that has torchx, which comes into the same turns.
    :param before: a Python that has another version of ours, likewise.
    """
    source, witness = home / "source", home / "witness"
    source.mkdir(exist_ok=True)
    script = source / "noop.py"
    script.write_text(NOOP)
    times: dict[str, list[Taken]] = {}
    for number in range(rounds + 1):
        for name, command in _commands(script, witness, peers, before).items():
            taken = _once(command, environment, witness)
            if number:  # the first one warms caches
                times.setdefault(name, []).append(taken)
    return {name: Taken(*map(statistics.median, zip(*taken, strict=True))) for name, taken in times.items()}


def _commands(script: Path, witness: Path, peers: str | None, before: str | None) -> Mapping[str, list[str]]:
    found = {"python": [sys.executable, str(script), str(witness)]}
    for name, python in {"aml run submit --wait": sys.executable, "the same, before": before}.items():
        if python:
            aml = [str(Path(python).with_name("aml")), "run", "submit", str(script.parent), "--script", script.name]
            found[name] = [*aml, "--wait", "--", str(witness)]
    if peers:
        torchx = [str(Path(peers).with_name("torchx")), "run", "--wait", "--scheduler", "local_cwd", "utils.python"]
        found["torchx run --wait"] = [*torchx, "--script", str(script), str(witness)]
    return found


def _once(command: Sequence[str], environment: Mapping[str, str], witness: Path) -> Taken:
    begun = time.time()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    Path(f"{witness}.pid").write_text(str(process.pid))
    _, said = process.communicate()
    end = time.time()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    first, used = map(float, witness.read_text().split())
    return Taken(first - begun, end - begun, used)
