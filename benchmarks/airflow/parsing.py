"""Parsing a DAG file of many operators of ours, against as many BashOperators: processor time, Airflow being loaded."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from services.airflow_installation import Airflow

ROUNDS = 7
COUNT = 100

_PARSE = """
import json, runpy, sys, time
import airflow.sdk, airflow.dag_processing.dagbag
begun = time.process_time()
runpy.run_path(sys.argv[1])
first = time.process_time() - begun
begun = time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps([first, time.process_time() - begun]))
"""
_DAG = """
from airflow.sdk import DAG
from {module} import {name}
with DAG("many", schedule=None):
    for number in range({count}):
        {name}(task_id=f"task_{{number}}", {arguments})
"""
OURS = {
    "module": "aml_airflow.operators.run",
    "name": "AmlRunOperator",
    "arguments": "source_directory='/srv/project', script='train.py', arguments=['--alpha', 0.1], target='local'",
}
BASH = {"module": "airflow.providers.standard.operators.bash", "name": "BashOperator", "arguments": "bash_command='ls'"}


def measure_parsing(airflow: Airflow, scratch: Path) -> None:
    """Print the medians of interleaved rounds; the first parse in a process pays for the imports."""
    files = {}
    for name, kind in (("ours", OURS), ("bash", BASH)):
        files[name] = scratch / f"{name}.py"
        files[name].write_text(_DAG.format(count=COUNT, **kind))
    times: dict[str, list[list[float]]] = {"ours": [], "bash": []}
    for _ in range(ROUNDS):
        for name, file in files.items():
            times[name].append(_parse(airflow, file))
    print(f"\na DAG of {COUNT} operators, processor seconds: the first time in a process, and again")
    medians = {name: [statistics.median(column) for column in zip(*all_, strict=True)] for name, all_ in times.items()}
    for name, (first, again) in medians.items():
        print(f"  {name:6} {first:7.3f} {again:7.3f}")
    ratios = [ours / bash for ours, bash in zip(medians["ours"], medians["bash"], strict=True)]
    print(f"  ratio  {ratios[0]:7.2f} {ratios[1]:7.2f}", flush=True)


def _parse(airflow: Airflow, file: Path) -> list[float]:
    command = [sys.executable, "-c", _PARSE, str(file)]
    done = subprocess.run(command, env=airflow.environment, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))
