"""How often a submission goes to PostgreSQL and back: each way costs what the network takes.

``python benchmarks/submission/round_trips.py aml+postgresql://USER@HOST/DATABASE``: runs that wait for a slot are
submitted to a database of their own, and the driver's own trace of what it sends is counted, once its statements are
prepared. The last submission is free of what the first ones make.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

SUBMISSIONS = 10
ENDS = ("Sync", "Query")
"""What is sent and waited for, in the words of PostgreSQL's protocol."""


def trace_to(path: Path) -> None:
    """Have every connection from now on write down what it sends."""
    file = path.open("a")

    @event.listens_for(Engine, "connect")
    def begin(connection: Any, _record: Any) -> None:
        if hasattr(connection, "pgconn"):
            connection.pgconn.trace(file.fileno())


def sent(path: Path) -> list[str]:
    """Return what was sent and waited for so far."""
    lines = (line.split("\t") for line in path.read_text(errors="replace").splitlines())
    return ["\t".join(line[3:]) for line in lines if len(line) > 3 and line[1] == "F" and line[3].startswith(ENDS)]


def main(uri: str) -> None:
    from aml_plugins import Experiment, ScriptRunConfig, Workspace

    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(AML_HOME=f"{directory}/home", AML_STORE_URI=uri)
        trace, script = Path(directory, "trace"), Path(directory, "source", "script.py")
        trace_to(trace)
        script.parent.mkdir()
        script.write_text("import time\ntime.sleep(600)\n")
        workspace = Workspace.get("default")
        workspace.attach_compute("local", "one", max_parallel_runs=1)
        experiment = Experiment(workspace, "waiting")
        config = ScriptRunConfig(script.parent, script="script.py", compute_target="one")
        runs, before = [], 0
        for _ in range(SUBMISSIONS):
            before = len(sent(trace))
            runs.append(experiment.submit(config))
            workspace.driver.release([runs[-1].id])
        last = sent(trace)[before:]
        print(f"a submission that waits for a slot goes to the database and back {len(last)} times;")
        print(f"transactions that are begun and ended by words of their own: {sum('BEGIN' in one for one in last)}")
        for run in reversed(runs):
            run.cancel()
            run.wait_for_completion(raise_on_error=False)


if __name__ == "__main__":
    main(sys.argv[1])
