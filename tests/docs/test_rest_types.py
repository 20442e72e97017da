"""The types of the REST API are of use to a type checker: what the page shows passes, a mistake in it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from documentation import ROOT, blocks

from aml_plugins import rest_types
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import TaskRecord


def shown() -> str:
    page = ROOT / "docs" / "reference" / "rest-api.md"
    (found,) = [block.text for block in blocks(page) if block.language == "python"]
    return found


MISTAKES = {
    "absent": ('task["progress"]', 'task["percent"]', 'TypedDict "Task" has no key "percent"'),
    "other": ('task["progress"]', 'task["message"]', 'has incompatible type "str"'),
}
"""What the page has, what somebody writes in its place, what a type checker says to that."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of the page's client, and of one with each mistake, checked beside our types alone.

    The rest of the package would take minutes.
    """
    directory = tmp_path_factory.mktemp("clients")
    sources = {"client": shown(), **{name: shown().replace(*change[:2]) for name, change in MISTAKES.items()}}
    for name, source in sources.items():
        (directory / f"{name}.py").write_text(source)
    options = ["--strict", "--follow-imports=skip", "--config-file=", "--cache-dir=.cache"]
    command = [sys.executable, "-m", "mypy", *options, *(f"{name}.py" for name in sources), rest_types.__file__]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_the_page_s_client_is_checked(said):
    assert "checked 4 source files" in said
    assert "client.py:" not in said


def test_the_page_s_client_reads_what_a_server_answers(aml_server):
    aml_server.empty()
    tasks, client = open_store(aml_server.url).tasks, {}
    for name, state, progress in (("iris", "Running", 0.5), ("rose", "Completed", 1.0)):
        values = {"workspace": "team-a", "task_id": f"image-{name}-1", "kind": "image", "subject": name}
        tasks.put(TaskRecord(**values, state=state, progress=progress))
    exec(shown(), client)
    assert client["unfinished"](aml_server.url, "team-a") == {"iris": 0.5}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(said, name):
    right, _, words = MISTAKES[name]
    assert right in shown()
    assert any(words in line for line in said.splitlines() if line.startswith(f"{name}.py:"))
