"""Many no-op runs on two slots: ours against a plain pool of processes (the floor) and MLflow's projects.

Contenders take turns, so that a machine that slows down slows all of them. Each has a process of its own, as its user
would have (``roles.py``): what MLflow brings into memory for its projects is nothing that the garbage collector of who
submits ours has to look through, nor has the floor's. The store's cost is stated twice: the processor time within its
calls, MLflow's and ours, in the two processes that submit and drive; and what a bare database takes for the very same
statements and transactions, recorded in one more share and played back in the same run (``statements.py``). The goal
is 1.5 times the floor's wall time a run, and that store's on top.

``many_runs.py 200 10000`` measures the same among ten thousand runs that have ended before.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from roles import SLOTS, Role
from statements import copy_database, play

SHARES = 4
WARMING = 4
SCRIPT = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"


def measure(runs: int, source: Path, project: Path) -> dict[str, Counter[str]]:
    """Have each contender do its shares; return what they took in all."""
    monitor = Role("monitor", source)
    contenders = {
        name: Role(name, project if name == "projects" else source) for name in ("floor", "submit", "projects")
    }
    contenders["submit"].tell(WARMING)  # warms the monitor up, too
    monitor.tell()
    took: dict[str, Counter[str]] = {name: Counter() for name in contenders}
    for _ in range(SHARES):
        for name, role in contenders.items():
            took[name].update(role.tell(runs // SHARES))
    took["monitor"] = Counter(monitor.tell())
    for role in (*contenders.values(), monitor):
        role.end()
    return took


def store_alone(runs: int, source: Path, directory: Path) -> dict[str, float]:
    """Record one more share and play it back to a bare database."""
    recordings = [directory / name for name in ("submit", "monitor")]
    submitter, monitor = (Role(recording.name, source, recording) for recording in recordings)
    submitter.tell(WARMING)
    copy = directory / "copy.db"
    copy_database(directory / "home" / "aml.db", copy)
    monitor.tell()
    submitter.tell(runs)
    submitter.end()
    monitor.end()
    return play(copy, recordings)


def main(runs: int = 200, earlier: int = 0) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["AML_HOME"] = str(directory / "home")
        source, project = directory / "source", directory / "project"
        for folder in (source, project):
            folder.mkdir()
            (folder / "noop.py").write_text(SCRIPT)
        command = f"{sys.executable} noop.py {os.devnull}"
        (project / "MLproject").write_text(f"name: noop\nentry_points:\n  main:\n    command: {command!r}\n")
        beginning = Role("prepare", source)
        beginning.tell(earlier)
        beginning.end()
        took = measure(runs, source, project)
        store = store_alone(runs // SHARES, source, directory)
        alone = {name: value / (runs // SHARES) for name, value in store.items()}
        _report(runs, took)
        _report_store(alone, took["floor"]["seconds"] / runs, took["submit"]["seconds"] / runs)


def _report(runs: int, took: dict[str, Counter[str]]) -> None:
    each = {name: used["seconds"] / runs * 1000 for name, used in took.items()}
    submitter, monitor = took["submit"], took["monitor"]
    print(f"{runs} no-op runs on {SLOTS} slots, ms of wall time a run")
    print(f"  floor (process pool)   {each['floor']:6.1f}   1.0x")
    print(f"  ours                   {each['submit']:6.1f}   {each['submit'] / each['floor']:.1f}x")
    print(f"    of which submitting  {submitter['submitting'] / runs * 1000:6.1f}")
    print(f"  mlflow.projects.run    {each['projects']:6.1f}   {each['projects'] / each['floor']:.1f}x")
    print("ms of processor time a run: in all, and of that in the store")
    for name, used in (("submitting", submitter), ("driving", monitor)):
        print(f"  {name:<20} {used['all'] / runs * 1000:6.1f} {used['store'] / runs * 1000:6.1f}")
    # Two processors are busy, so a run's wall time holds half of what the store's calls take of them.
    store = (submitter["store"] + monitor["store"]) / runs * 1000 / SLOTS
    print(f"the store as it is spent, all of its calls: {store:.1f} ms of a run's wall time")
    print(f"  ours without it        {each['submit'] - store:6.1f}   {(each['submit'] - store) / each['floor']:.1f}x")


def _report_store(alone: dict[str, float], floor: float, ours: float) -> None:
    print(
        f"a bare store, {alone['statements']:.0f} statements and {alone['transactions']:.1f} writing transactions a run"
    )
    print(f"  wall, processor        {alone['wall'] * 1000:6.1f} {alone['processor'] * 1000:6.1f}")
    print(f"  ours without it        {(ours - alone['wall']) * 1000:6.1f}   {(ours - alone['wall']) / floor:.1f}x")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
