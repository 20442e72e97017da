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
SCRIPT = """
from azureml.core import Run
run = Run.get_context()
run.log("loss", 0.5)
run.tag("kind", "x")
print("hello")
"""
FIRST = "workspace create team-a"
SUBMIT = "run submit source --script noop.py --experiment noop --wait"
LATER = [
    "workspace create team-b",
    SUBMIT,
    SUBMIT.replace("--experiment noop", "--experiment another"),
    "run list",
    "workspace list",
    "workspace show default",
    "experiment list",
    "compute list",
    "task list",
    "workspace update team-b --description words",
    "workspace delete team-b --dry-run",
]


def test_only_the_first_command_of_a_database_needs_mlflow(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "noop.py").write_text(SCRIPT)
    assert told(tmp_path, [FIRST]) == [f"0 True {FIRST}"]  # makes the tables
    elsewhere = [
        f"datastore register directory shared --set path={tmp_path}/shared",
        "datastore set-default shared --artifacts",
        SUBMIT.replace("--experiment noop", "--experiment kept-in-shared"),
    ]
    assert told(tmp_path, LATER + elsewhere) == [f"0 False {line}" for line in LATER + elsewhere]
    assert list((tmp_path / "shared").rglob("std_log.txt"))
    run_id = (tmp_path / "out").read_text().partition("Submitted run ")[2].partition(".")[0]
    reads = [f"run {verb} {run_id}" for verb in ("show", "logs", "outputs", "wait")]
    models = [
        f"model register noop --run {run_id} --path logs --tag kind=x",
        "model list",
        "model list noop",
        "model download noop --directory got",
        "model list no-such",
    ]
    assert told(tmp_path, reads + models) == [f"{2 * ('no-such' in line)} False {line}" for line in reads + models]
    assert (tmp_path / "got" / "logs" / "std_log.txt").read_text() == "hello\n"


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
