"""Submit to the first line and to the end of a no-op: ``python benchmarks/submission [--peers PYTHON] [--rounds N]``.

Contenders take turns, so that a machine that slows down slows all of them. Peers that are not in this environment
(torchx, submitit) run in the Python named by ``--peers``. Figures are medians; ratios are to plain Python. From the
shell, the processor time is the commands' own: what a busy machine does not change much. ``--only`` names one part.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from shell import commands, measure

HERE = Path(__file__).parent
Times = dict[str, list[tuple[float, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="A Python that has torchx and submitit.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--shell-rounds", type=int, default=5)
    parser.add_argument("--only", choices=("process", "shell", "many"), help="One part of the three.")
    arguments = parser.parse_args()
    only = arguments.only
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it would triple every import
    if only in {None, "process"}:
        _show("in process", _in_process(arguments.peers, arguments.rounds))
    if only in {None, "shell"}:
        _show("from the shell", _from_the_shell(arguments.peers, arguments.shell_rounds))
    if only in {None, "many"}:
        subprocess.run([sys.executable, str(HERE / "many_runs.py")], check=True)


def _in_process(peers: str | None, rounds: int) -> Times:
    pythons = dict.fromkeys(("plain", "ours", "mlflow_projects"), sys.executable)
    if peers:
        pythons |= dict.fromkeys(("submitit", "torchx"), peers)
    times: Times = {name: [] for name in pythons}
    for _ in range(2):
        for name, python in pythons.items():
            times[name] += _contender(python, name, rounds // 2)
    return times


def _contender(python: str, name: str, rounds: int) -> list[tuple[float, ...]]:
    command = [python, str(HERE / "contenders.py"), name, str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: list[tuple[float, ...]] = json.loads(done.stdout)
    return found


def _from_the_shell(peers: str | None, rounds: int) -> Times:
    with tempfile.TemporaryDirectory() as directory:
        source, witness, home = (Path(directory, name) for name in ("source", "witness", "home"))
        source.mkdir()
        home.mkdir()
        (source / "noop.py").write_text("import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n")
        command = f"{sys.executable} noop.py {witness}"
        (source / "MLproject").write_text(f"name: noop\nentry_points:\n  main:\n    command: {command!r}\n")
        contenders = commands(source, witness, peers)
        for line in contenders.values():
            measure(line, witness, home)  # makes databases, byte-code and caches
        found: Times = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, line in contenders.items():
                found[name].append(measure(line, witness, home))
        return found


def _show(title: str, times: Times) -> None:
    plain = statistics.median(end for _, end, *_ in times["plain"])
    print(f"{title}: seconds to the first line, to the end (times plain Python's), of processor time", flush=True)
    for name, measured in times.items():
        first, end, *used = map(statistics.median, zip(*measured, strict=True))
        print(
            f"  {name:<16} {first:7.3f} {end:7.3f}   {end / plain:5.1f}x {''.join(f'{one:7.3f}' for one in used)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
