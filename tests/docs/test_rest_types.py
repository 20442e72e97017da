"""The types of the REST API are of use to a type checker: what the page shows passes, a mistake in it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from documentation import ROOT, blocks

from aml_plugins import rest_types
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import TaskRecord


def shown() -> str:
    page = ROOT / "docs" / "reference" / "rest-api.md"
    (found,) = [block.text for block in blocks(page) if block.language == "python"]
    return found


def checked(directory: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Check a reader's file beside our types alone; the rest of the package would take minutes."""
    (directory / "client.py").write_text(source)
    options = ["--strict", "--follow-imports=skip", "--config-file=", "--cache-dir=.cache"]
    command = [sys.executable, "-m", "mypy", *options, "client.py", rest_types.__file__]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_the_page_s_client_is_checked(tmp_path):
    done = checked(tmp_path, shown())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_s_client_reads_what_a_server_answers(aml_server):
    aml_server.empty()
    tasks, client = open_store(aml_server.url).tasks, {}
    for name, state, progress in (("iris", "Running", 0.5), ("rose", "Completed", 1.0)):
        values = {"workspace": "team-a", "task_id": f"image-{name}-1", "kind": "image", "subject": name}
        tasks.put(TaskRecord(**values, state=state, progress=progress))
    exec(shown(), client)
    assert client["unfinished"](aml_server.url, "team-a") == {"iris": 0.5}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('task["progress"]', 'task["percent"]', 'TypedDict "Task" has no key "percent"'),
        ('task["progress"]', 'task["message"]', 'has incompatible type "str"'),
    ],
)
def test_a_mistake_is_found(tmp_path, right, wrong, said):
    assert right in shown()
    done = checked(tmp_path, shown().replace(right, wrong))
    assert (done.returncode, said in done.stdout) == (1, True), done.stdout + done.stderr
