"""A client that nobody here wrote and that this project does not use: azure-batch 14, of the generation before."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from services.requirements import require_service

TOOL = Path(__file__).parents[4] / "tools" / "azure-batch-14"
PROGRAM = Path(__file__).parent / "programs" / "older_client.py"


@pytest.fixture(scope="module")
def older_python() -> str:
    found = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False).stdout.strip()
    require_service("azure-batch 14", found, "tools/azure-batch-14 install")
    return found


def test_a_program_of_the_older_generation_works_as_on_azure(azure, older_python):
    command = [older_python, PROGRAM, azure.batch_url, azure.settings.account, azure.settings.key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "added": [["t0", "success"], ["t1", "success"], ["t2", "success"]],
        "tasks": [["t0", 0, "success"], ["t1", 1, "failure"], ["t2", 0, "success"]],
        "category": "usererror",
        "text": "ready\nb 2\n",
        "files": ["certs", "stderr.txt", "stdout.txt", "wd"],
        "nodes": [["idle", 0]],
        "counts": 3,
        "error": ["TaskNotFound", "The specified task does not exist."],
        "reason": "AllTasksComplete",
        "prepared": [0],
        "formula": True,
        "scheduled": ["older-schedule:job-1"],
    }
