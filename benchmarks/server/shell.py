"""From the shell, with a server that is up."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["first_line_and_end", "seconds_of"]

NOOP = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"


def seconds_of(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the median of several runs, after one that warms caches."""
    taken = []
    for _ in range(12):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def first_line_and_end(environment: Mapping[str, str], home: Path) -> tuple[float, float]:
    """Submit a script that says when it began; return seconds to its first line and to the end."""
    source, witness = home / "source", home / "witness"
    source.mkdir(exist_ok=True)
    (source / "noop.py").write_text(NOOP)
    command = [sys.executable, "-m", "aml_plugins.cli", "run", "submit", str(source), "--script", "noop.py", "--wait"]
    begun = time.time()
    subprocess.run([*command, "--", str(witness)], env=environment, check=True, capture_output=True)
    return float(witness.read_text()) - begun, time.time() - begun
