"""From the shell, with a server that is up."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["first_lines_and_ends", "seconds_of"]

NOOP = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"


def seconds_of(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the median of several runs, after one that warms caches."""
    taken = []
    for _ in range(12):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def first_lines_and_ends(
    environment: Mapping[str, str], home: Path, peers: str | None, rounds: int = 11
) -> Mapping[str, tuple[float, float]]:
    """Run a script that says when it began, each contender in turn; return median seconds to its first line and end.

    :param peers: a Python that has torchx, which comes into the same turns.
    """
    source, witness = home / "source", home / "witness"
    source.mkdir(exist_ok=True)
    script = source / "noop.py"
    script.write_text(NOOP)
    times: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for name, command in _commands(script, witness, peers).items():
            taken = _once(command, environment, witness)
            if number:  # the first one warms caches
                times.setdefault(name, []).append(taken)
    return {name: tuple(map(statistics.median, zip(*taken, strict=True))) for name, taken in times.items()}


def _commands(script: Path, witness: Path, peers: str | None) -> Mapping[str, list[str]]:
    aml = [str(Path(sys.executable).with_name("aml")), "run", "submit", str(script.parent), "--script", script.name]
    found = {
        "python": [sys.executable, str(script), str(witness)],
        "aml run submit --wait": [*aml, "--wait", "--", str(witness)],
    }
    if peers:
        torchx = [str(Path(peers).with_name("torchx")), "run", "--wait", "--scheduler", "local_cwd", "utils.python"]
        found["torchx run --wait"] = [*torchx, "--script", str(script), str(witness)]
    return found


def _once(command: Sequence[str], environment: Mapping[str, str], witness: Path) -> tuple[float, float]:
    begun = time.time()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return float(witness.read_text()) - begun, time.time() - begun
