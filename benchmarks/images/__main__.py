"""Building images: ``python benchmarks/images [--rounds N] [--only NAME ...]``.

Each contender builds from nothing (cold), again without a change (warm), and with another scoring script
(changed). Contenders take turns; figures are medians of seconds, ratios are to the builder ``oci``. The engine is that
of the tests, packages come from the index that pip is set up with.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the engine of the tests

from contenders import CONTENDERS, Contender  # noqa: E402
from services.docker_engine import find_engine, running_engine  # noqa: E402

STEPS = ("cold", "warm", "changed")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[kind.name for kind in CONTENDERS])
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    kinds = [kind for kind in CONTENDERS if kind.name in arguments.only]
    measured: dict[str, dict[str, list[float]]] = {kind.name: {step: [] for step in STEPS} for kind in kinds}
    found = find_engine() or ""
    if found.startswith("unix://"):
        sys.exit("Cold builds empty the engine. Set DOCKER_HOST to where none is, so that one of its own is started.")
    with running_engine(found) as engine:
        os.environ["DOCKER_HOST"] = engine.address
        for number in range(arguments.rounds):
            for kind in kinds:
                with tempfile.TemporaryDirectory(prefix="aml-benchmark-", ignore_cleanup_errors=True) as folder:
                    once(kind(Path(folder), number), measured[kind.name])
    report(measured)


def once(contender: Contender, seconds: dict[str, list[float]]) -> None:
    for step in STEPS:
        contender.prepare(step)
        began = time.perf_counter()
        contender.build()
        seconds[step].append(time.perf_counter() - began)
        print(f"{contender.name:<28} {step:<8} {seconds[step][-1]:8.2f} s", flush=True)


def report(measured: dict[str, dict[str, list[float]]]) -> None:
    first = next(iter(measured.values()))
    print(f"\n{'':<28} {'cold':>18} {'warm':>18} {'changed':>18}")
    for name, steps in measured.items():
        cells = []
        for step in STEPS:
            median, base = statistics.median(steps[step]), statistics.median(first[step])
            cells.append(f"{median:8.2f} s {median / base:6.1f}x")
        print(f"{name:<28} {' '.join(f'{cell:>18}' for cell in cells)}")


if __name__ == "__main__":
    main()
