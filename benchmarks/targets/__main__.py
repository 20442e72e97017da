"""Compute targets against the bare tools: ``python benchmarks/targets [PART ...] [--rounds N] [--journey]``.

Machines, engines, clusters and services are those of the tests, on this machine, so that nothing hides behind a
network; Azure's are the emulator's, which runs tasks and containers for real. Contenders take turns; figures are
medians, ratios are to the first of each table. ``overhead`` is all parts up to ``livy``. A table goes on for its rounds
or for a minute, whichever is over first, but for one round at least.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the servers of the tests

from azure_targets import aci_contenders, batch_contenders  # noqa: E402
from clusters import kubernetes_contenders, livy_contenders, spark_contenders  # noqa: E402
from journey import show_journey  # noqa: E402
from overhead import docker_contenders, ssh_contenders  # noqa: E402
from services.docker_engine import find_engine, running_engine  # noqa: E402
from services.ssh_machine import SshMachine, find_server, running_machine  # noqa: E402
from statuses import measure_statuses  # noqa: E402
from transfer import sources, transfer_contenders  # noqa: E402
from upload import upload_contenders  # noqa: E402
from watching import measure_watching  # noqa: E402

Contender = Callable[[], tuple[float, ...]]
Contenders = Callable[[Path], AbstractContextManager[Mapping[str, Contender]]]
SERVICES: dict[str, Contenders] = {
    "batch": batch_contenders,
    "aci": aci_contenders,
    "kubernetes": kubernetes_contenders,
    "spark": spark_contenders,
    "livy": livy_contenders,
}
OVERHEAD = ("ssh", "docker", *SERVICES)
PARTS = (*OVERHEAD, "transfer", "upload", "statuses", "watching")
TABLE_SECONDS = 60.0
"""When no further round of a table begins."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=", ".join(("overhead", *PARTS)))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--journey", action="store_true", help="show what the last run of each service waited for")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    logging.disable(logging.WARNING)
    wanted = [part for name in arguments.parts for part in (OVERHEAD if name == "overhead" else (name,))]
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        parser.error(f"There is no part {', '.join(unknown)}. There is: overhead, {', '.join(PARTS)}.")
    with tempfile.TemporaryDirectory(prefix="aml-benchmark-") as directory:
        scratch = Path(directory)
        os.environ["AML_HOME"] = str(scratch / "home")
        os.environ["AML_AUTO_MONITOR"] = "0"
        os.environ["AML_SNAPSHOT_MAX_FILES"] = "10000"
        for part in wanted:
            run_part(part, scratch, arguments.rounds, journey=arguments.journey)


def run_part(part: str, scratch: Path, rounds: int, *, journey: bool) -> None:
    if part in SERVICES:
        with SERVICES[part](scratch) as contenders:
            show(f"{part}: first line, end", take_turns(contenders, rounds, warm=1, seconds=TABLE_SECONDS))
            if journey:
                show_journey(contenders["AML Plugins, the whole run"])
    elif part == "docker":
        with running_engine(find_engine() or "") as engine:
            show("docker: first line, end", take_turns(docker_contenders(engine, scratch), rounds))
    elif part == "upload":
        with upload_contenders(scratch, sources(scratch)) as tables:
            show_all(tables, rounds)
    elif part == "watching":
        measure_watching()
    else:
        with running_machine(find_server() or "") as vm:
            (vm.home / ".bashrc").unlink()  # what it prints would be part of what tar reads
            SSH[part](vm, scratch, rounds)


def over_ssh(vm: SshMachine, scratch: Path, rounds: int) -> None:
    show("ssh: first line, end", take_turns(ssh_contenders(vm, scratch), rounds))


def moved(vm: SshMachine, scratch: Path, rounds: int) -> None:
    show_all(transfer_contenders(vm, scratch), rounds)


SSH: dict[str, Callable[[SshMachine, Path, int], None]] = {
    "ssh": over_ssh,
    "transfer": moved,
    "statuses": lambda vm, scratch, _rounds: measure_statuses(vm, scratch),
}


def show_all(tables: Iterable[tuple[str, Mapping[str, Contender]]], rounds: int) -> None:
    """Much data needs no warming up, and no more rounds than there is time for."""
    for title, contenders in tables:
        show(title, take_turns(contenders, rounds, warm=0, seconds=TABLE_SECONDS))


def take_turns(
    contenders: Mapping[str, Contender], rounds: int, warm: int = 2, seconds: float = math.inf
) -> dict[str, list[tuple[float, ...]]]:
    """Let the contenders work in turn; no round begins after so many seconds, but for the first."""
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in contenders}
    begun = time.monotonic()
    for turn in range(rounds + warm):
        if turn > warm and time.monotonic() - begun > seconds:
            break
        for name, contender in contenders.items():
            times[name].append(contender())
    return {name: measured[warm:] for name, measured in times.items()}


def show(title: str, times: Mapping[str, list[tuple[float, ...]]]) -> None:
    print(f"\n{title}; rounds: {min(map(len, times.values()))}", flush=True)
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
