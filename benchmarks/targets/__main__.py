"""Compute targets against the bare tools: ``python benchmarks/targets [overhead] [transfer] [statuses] [--rounds N]``.

The machines and the engine are those of the tests: sshd on the loopback, so that nothing hides behind a network.
Contenders take turns; figures are medians, ratios are to the first of each table.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the servers of the tests

from overhead import docker_contenders, ssh_contenders  # noqa: E402
from services.docker_engine import find_engine, running_engine  # noqa: E402
from services.ssh_machine import find_server, running_machine  # noqa: E402
from statuses import measure_statuses  # noqa: E402
from transfer import transfer_contenders  # noqa: E402

Contender = Callable[[], tuple[float, ...]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["overhead", "transfer", "statuses"])
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="aml-benchmark-") as directory, running_machine(find_server() or "") as vm:
        scratch = Path(directory)
        (vm.home / ".bashrc").unlink()  # what it prints would be part of what tar reads
        os.environ["AML_HOME"] = str(scratch / "home")
        os.environ["AML_AUTO_MONITOR"] = "0"
        os.environ["AML_SNAPSHOT_MAX_FILES"] = "10000"
        if "overhead" in arguments.parts:
            show("ssh: first line, end", take_turns(ssh_contenders(vm, scratch), arguments.rounds))
            with running_engine(find_engine() or "") as engine:
                show("docker: first line, end", take_turns(docker_contenders(engine, scratch), arguments.rounds))
        if "transfer" in arguments.parts:
            for title, contenders in transfer_contenders(vm, scratch):
                show(title, take_turns(contenders, max(3, arguments.rounds // 3), warm=1))
        if "statuses" in arguments.parts:
            measure_statuses(vm, scratch)


def take_turns(contenders: Mapping[str, Contender], rounds: int, warm: int = 2) -> dict[str, list[tuple[float, ...]]]:
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in contenders}
    for _ in range(rounds + warm):
        for name, contender in contenders.items():
            times[name].append(contender())
    return {name: measured[warm:] for name, measured in times.items()}


def show(title: str, times: Mapping[str, list[tuple[float, ...]]]) -> None:
    print(f"\n{title}", flush=True)
    floor: list[float] = []
    for name, measured in times.items():
        medians = [statistics.median(column) for column in zip(*measured, strict=True)]
        floor = floor or medians
        cells = "  ".join(
            f"{value:7.3f} s ({value / least:4.1f}x)" for value, least in zip(medians, floor, strict=True)
        )
        print(f"  {name:<44} {cells}", flush=True)


if __name__ == "__main__":
    begun = time.time()
    main()
    print(f"\n{time.time() - begun:.0f} s", flush=True)
