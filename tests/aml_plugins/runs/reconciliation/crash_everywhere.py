"""Kill a submitter with SIGKILL at every boundary it crosses, one after the other, and let a monitor go on.

Run as a program: imports everything once, then forks a submitter and a monitor for each boundary. Prints one JSON line
a boundary: ``{"boundary", "name", "killed", "state", "lines", "files", "left"}``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.store.tracking.sqlalchemy_workspace_store  # noqa: F401  once, before forking
from sqlalchemy.orm import configure_mappers

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.context import Context, open_context
from aml_plugins.mlflow_store import history as _history  # noqa: F401  once, before forking
from aml_plugins.runs.reconciliation.monitor import Monitor

KEY = "the-only-one"


class Boundaries:
    """Count calls that leave the process, before and after each; end the process at one of them."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.count = 0

    def wrap(self, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def crossing(*args: Any, **kwargs: Any) -> Any:
            self._cross(f"before {name}")
            result = original(*args, **kwargs)
            self._cross(f"after {name}")
            return result

        owner_type = owner if isinstance(owner, type) else None
        setattr(owner_type or owner, name, crossing)

    def _cross(self, name: str) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.write(1, f"{json.dumps({'boundary': self.count, 'name': name})}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def arm(context: Context, workspace: str, target: str, fatal: int) -> None:
    """Wrap everything through which a driver acts on the world."""
    boundaries = Boundaries(fatal)
    store, history = context.store, context.history(workspace)
    backend = context.backends.get(workspace, target)
    for owner, names in (
        (store.runs, ("add", "save_all", "acquire", "release")),
        (store.snapshots, ("put",)),
        (store.compute_targets, ("claim_slot", "pass_slot")),
        (store.tasks, ("mark_delivered",)),
        (history, ("ensure_experiment", "create_run", "upload", "take", "set_status", "log")),
        (backend, ("plan", "submit", "cancel", "fetch", "results", "cleanup")),
    ):
        for name in names:
            boundaries.wrap(owner, name)


def submitter(source: Path, arguments: list[str], fatal: int, target: str, *, cancel: bool) -> None:
    workspace = Workspace.get("default")
    arm(workspace.context, "default", target, fatal)
    config = ScriptRunConfig(source, script="script.py", arguments=arguments, compute_target=target)
    run = workspace.experiment("crashes").submit(config, idempotency_key=KEY)
    if cancel:
        run.cancel()
    run.wait_for_completion(raise_on_error=False)


def monitor() -> None:
    context = open_context()
    Monitor(context).run(threading.Event(), until_idle=True)


def child(work: Callable[[], None]) -> int:
    """Do the work in a fork; return how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001  a fork must never return into its parent's code
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def trial(fatal: int, options: argparse.Namespace) -> bool:
    """Kill at one boundary and go on; say whether there was such a boundary."""
    home = options.root / str(fatal)
    home.mkdir()
    shutil.copyfile(options.root / "aml.db", home / "aml.db")
    os.environ["AML_HOME"] = str(home)
    witness = (options.witness or options.root) / f"witness-{fatal}"
    witness.touch()
    witness.chmod(0o666)  # the target's user may be another one
    words = [str(witness), "20" if options.cancel else "0"]
    status = child(lambda: submitter(options.source, words, fatal, options.target, cancel=options.cancel))
    killed = os.WIFSIGNALED(status)
    child(monitor)
    child(lambda: report(home, witness, fatal, options.target, killed=killed))
    return killed


def report(home: Path, witness: Path, fatal: int, target: str, *, killed: bool) -> None:
    workspace = Workspace.get("default")
    run = workspace.find_run(idempotency_key=KEY)
    left = [str(path.relative_to(home)) for name in ("staging", "targets") for path in (home / name).rglob("aml-*")]
    backend = workspace.context.backends.get("default", target)
    left += [handle.job_id for handle in backend.list_jobs()]
    result = {
        "boundary": fatal,
        "killed": killed,
        "state": run.record.state if run and run.record else None,
        "reason": run.record.reason if run and run.record else None,
        "mlflow": workspace.context.history("default").get(run.id).status if run else None,
        "lines": len(witness.read_text().splitlines()),
        "files": list(run.get_file_names()) if run else [],
        "slots": workspace.context.store.compute_targets.claim_slot("default", target, "f" * 32, 1),
        "left": left,
    }
    os.write(1, f"{json.dumps(result)}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--cancel", action="store_true")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--target", default="local", help="attached in the database of ROOT")
    parser.add_argument("--witness", type=Path, help="where scripts write; ROOT by default")
    arguments = parser.parse_args()
    configure_mappers()
    fatal = arguments.first
    while trial(fatal, arguments):
        fatal += arguments.every
    sys.exit(0)


if __name__ == "__main__":
    main()
