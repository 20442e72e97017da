"""One contender, one process: ``python contenders.py NAME ROUNDS`` prints ``[[first line, end], ...]`` in seconds.

Everything that a session pays once (imports, opening a store) happens before the first round, for every contender.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NOOP = "import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n"
Job = Callable[[], None]


def plain(source: Path, witness: Path) -> Job:
    return lambda: subprocess.run([sys.executable, str(source / "noop.py"), str(witness)], check=True) and None


def ours(source: Path, witness: Path) -> Job:
    from aml_plugins import Experiment, ScriptRunConfig, Workspace

    experiment = Experiment(Workspace.get("default"), "benchmark")
    config = ScriptRunConfig(source, script="noop.py", arguments=[str(witness)], compute_target="local")
    return lambda: experiment.submit(config).wait_for_completion() and None


def mlflow_projects(source: Path, witness: Path) -> Job:
    import mlflow

    command = f"{sys.executable} noop.py {witness}"
    (source / "MLproject").write_text(f"name: noop\nentry_points:\n  main:\n    command: {command!r}\n")
    mlflow.set_tracking_uri(f"sqlite:///{source}/mlflow.db")
    return lambda: mlflow.projects.run(str(source), env_manager="local") and None


def submitit(source: Path, witness: Path) -> Job:
    import submitit as peer

    executor = peer.LocalExecutor(folder=source / "log")
    command = [sys.executable, str(source / "noop.py"), str(witness)]
    return lambda: executor.submit(peer.helpers.CommandFunction(command)).result() and None


def torchx(source: Path, witness: Path) -> Job:
    from torchx.runner import get_runner
    from torchx.specs import AppDef, Role

    runner = get_runner()
    role = Role(name="noop", image=str(source), entrypoint=sys.executable, args=["noop.py", str(witness)])

    def job() -> None:
        handle = runner.run(AppDef(name="noop", roles=[role]), "local_cwd", {"log_dir": str(source / "log")})
        runner.wait(handle, wait_interval=0.01)

    return job


CONTENDERS = {function.__name__: function for function in (plain, ours, mlflow_projects, submitit, torchx)}


def main(name: str, rounds: int) -> None:
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["AML_HOME"] = str(Path(directory, "home"))
        source, witness = Path(directory, "source"), Path(directory, "witness")
        source.mkdir()
        (source / "noop.py").write_text(NOOP)
        os.chdir(source)
        times = []
        with contextlib.redirect_stdout(io.StringIO()):
            job = CONTENDERS[name](source, witness)
            for _ in range(rounds + 3):
                begun = time.time()
                job()
                times.append((float(witness.read_text()) - begun, time.time() - begun))
        print(json.dumps(times[3:]))  # the first three warm caches up


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
