"""``aml --version`` against ``python -c pass``, by turns: ``python benchmarks/startup.py``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 40


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    aml = str(Path(sys.executable).with_name("aml"))
    contenders = {"python -c pass": [sys.executable, "-c", "pass"], "aml --version": [aml, "--version"]}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, command in contenders.items():
            times[name].append(seconds(command))
    floor = statistics.median(times["python -c pass"])
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:<16} {median * 1000:6.1f} ms   {median / floor:.2f}x")


if __name__ == "__main__":
    main()
