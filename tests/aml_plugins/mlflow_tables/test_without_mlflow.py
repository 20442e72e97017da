"""What people type most, on the embedded default, imports no MLflow: that costs seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from aml_plugins.cli.app import run
for line in Path(sys.argv[1]).read_text().splitlines():
    code = run(line.split())
    loaded = "mlflow" in sys.modules
    print(f"{code} {loaded} {line}", file=sys.stderr)
"""
FIRST = "run submit source --script noop.py --experiment noop --wait"
LATER = [FIRST, "run list", "workspace list", "workspace show default", "experiment list", "compute list", "task list"]


def test_only_the_first_run_of_an_experiment_needs_mlflow(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "noop.py").write_text("print('hello')\n")
    assert told(tmp_path, [FIRST]) == [f"0 True {FIRST}"]  # makes the tables, and the experiment
    assert told(tmp_path, LATER) == [f"0 False {line}" for line in LATER]
    run_id = (tmp_path / "out").read_text().partition("Submitted run ")[2].partition(".")[0]
    reads = [f"run {verb} {run_id}" for verb in ("show", "logs", "outputs", "wait")]
    assert told(tmp_path, reads) == [f"0 False {line}" for line in reads]


def told(directory: Path, lines: list[str]) -> list[str]:
    (directory / "lines").write_text("\n".join(lines))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "MLFLOW_"))}
    with (directory / "out").open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "lines"],
            cwd=directory,
            env=environment | {"AML_HOME": str(directory / "home")},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [line for line in done.stderr.splitlines() if line.startswith(tuple("0123"))]
