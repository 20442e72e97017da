"""The notifiers as they are used: a plugin that a process finds and environment variables configure."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from aml_plugins.plugins import plugins_of
from aml_plugins.tasks import plugin
from aml_plugins.tasks.delivery import deliver


@pytest.fixture
def plugins(monkeypatch):
    for name in ("AML_TASK_LOG", "AML_WEBHOOK_URL", "AML_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return plugins_of({"notifiers": plugin})


def test_events_are_logged(plugins, event, caplog):
    caplog.set_level(logging.INFO, "aml_plugins.tasks")
    plugins.notify("aml_task_event", event=event)
    assert caplog.record_tuples == [
        ("aml_plugins.tasks", logging.INFO, "run r1 in team-ü: Queued -> Running 50% Started.")
    ]


def test_events_are_appended_to_the_file(plugins, event, tmp_path, monkeypatch):
    monkeypatch.setenv("AML_TASK_LOG", str(tmp_path / "tasks.jsonl"))
    plugins.notify("aml_task_event", event=event)
    plugins.notify("aml_task_event", event=event)
    first, second = (tmp_path / "tasks.jsonl").read_text(encoding="utf-8").splitlines()
    assert first == second
    assert json.loads(first)["data"]["message"] == "Started."


APPEND = """
import sys
from aml_plugins.store.records import TaskEvent
from aml_plugins.tasks.log import append_event
event = TaskEvent(workspace="w", task_id="t", kind="run", subject="s", message=sys.argv[2] * 5000)
for _ in range(100):
    append_event(sys.argv[1], event)
"""


def test_lines_of_several_processes_do_not_mix(tmp_path):
    file = tmp_path / "tasks.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(file), word]) for word in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    messages = [json.loads(line)["data"]["message"] for line in file.read_text().splitlines()]
    assert sorted(messages) == ["a" * 5000] * 100 + ["b" * 5000] * 100


def test_a_file_that_cannot_be_written_is_said_and_the_webhook_goes_on(plugins, event, receiver, monkeypatch, caplog):
    monkeypatch.setenv("AML_TASK_LOG", "/proc/missing/tasks.jsonl")
    monkeypatch.setenv("AML_WEBHOOK_URL", receiver.url)
    plugins.notify("aml_task_event", event=event)
    assert "missing/tasks.jsonl' cannot be written: No such file or directory" in caplog.text
    assert len(receiver.received) == 1


def test_a_wrong_webhook_url_is_said_once(plugins, event, monkeypatch, caplog):
    monkeypatch.setenv("AML_WEBHOOK_URL", f"gopher://host/{os.getpid()}")
    plugins.notify("aml_task_event", event=event)
    plugins.notify("aml_task_event", event=event)
    assert caplog.text.count("The webhook is not used: AML_WEBHOOK_URL is no plain http or https URL.") == 1


def test_a_runs_history_reaches_the_webhook_in_order(plugins, receiver, store, add_run, monkeypatch):
    monkeypatch.setenv("AML_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("AML_WEBHOOK_SECRET", "k")
    run = add_run()
    assert deliver(store, plugins, [run.run_id]) == 1
    ((headers, body),) = receiver.received
    assert json.loads(body)["data"]["message"] == "Submitted."
    assert headers["Webhook-Signature"].startswith("v1,")


def test_without_a_webhook_urllib_is_not_imported():
    code = "import sys, aml_plugins.tasks.plugin; sys.exit('urllib.request' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
