"""A script that says when it was there, where no file of it can be seen: what it printed tells."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.store.records import DatastoreRecord

__all__ = ["SCRIPT", "Contender", "default_datastore", "ours", "printed", "until"]

Contender = Callable[[], tuple[float, ...]]
SCRIPT = "import time; print('first line', time.time(), flush=True)"
POLL_SECONDS = 0.05
"""How often a bare client asks: sooner than a user's own loop would, so that no waiting flatters us."""
_FIRST_LINE = re.compile(r"first line ([0-9.]+)")


def printed(work: Callable[[], str]) -> Contender:
    """Return a contender of ``work``, which returns what the script printed."""

    def measure() -> tuple[float, ...]:
        begun = time.time()
        log = work()
        ended = time.time()
        found = _FIRST_LINE.search(log)
        assert found, log
        return float(found[1]) - begun, ended - begun

    return measure


def ours(workspace: Workspace, target: str, scratch: Path) -> Contender:
    """Return the whole run on a target: until outputs and log are home and nothing is left there."""
    source = scratch / f"source-{workspace.name}-{target}"
    source.mkdir()
    (source / "noop.py").write_text(SCRIPT)
    config = ScriptRunConfig(source, script="noop.py", compute_target=target)
    experiment = Experiment(workspace, f"benchmark-{target}")
    return printed(lambda: experiment.submit(config).wait_for_completion().get_logs())


def until(condition: Callable[[], bool]) -> None:
    """Ask until it is so, as the shortest loop around a bare client does."""
    while not condition():
        time.sleep(POLL_SECONDS)


def default_datastore(workspace: Workspace, **settings: str) -> None:
    """Let the workspace keep its files in a blob container, where targets reach them."""
    record = DatastoreRecord(workspace=workspace.name, name="blobs", type="azure-blob", config=settings)
    workspace.context.store.datastores.add(record)
    workspace.update(default_datastore="blobs")
