"""Runs as traces and numbers: in a file, over OTLP, in Azure Monitor; off where nobody asked for it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from services.telemetry_receivers import attributes, running_receiver

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.errors import InvalidInputError, PluginError, StoreError, TransientBackendError
from aml_plugins.telemetry.contract import Measurement, Span, TelemetryExporter
from aml_plugins.telemetry.log_file import LogFileConfig, LogFileExporter
from aml_plugins.telemetry.observing import flush
from aml_plugins.telemetry.opening import open_exporter
from aml_plugins.telemetry.otlp import OtlpConfig, OtlpExporter
from aml_plugins.telemetry.sending import Sender


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.create("team-a")


@pytest.fixture
def receiver():
    with running_receiver() as running:
        yield running


def submit(workspace: Workspace, tmp_path, script: str = "print('hello')\n") -> Run:
    source = tmp_path / "src"
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(script)
    run = Experiment(workspace, "iris").submit(ScriptRunConfig(source, script="train.py"))
    run.wait_for_completion(raise_on_error=False)
    assert flush()
    return run


def test_nothing_is_collected_where_nobody_asked_for_it(workspace, aml_home, tmp_path):
    before = {thread.name for thread in threading.enumerate()}
    submit(workspace, tmp_path)
    assert workspace.telemetry is None
    assert not (aml_home / "telemetry.jsonl").exists()
    assert {thread.name for thread in threading.enumerate()} - before <= {"MainThread"}


def test_a_file_gets_a_line_for_each(workspace, aml_home, tmp_path):
    workspace.set_telemetry("log-file")
    run = submit(workspace, tmp_path)
    lines = [json.loads(line) for line in (aml_home / "telemetry.jsonl").read_text().splitlines()]
    spans = [line for line in lines if line["type"] == "span"]
    (root,) = [span for span in spans if span["parent_id"] is None]
    assert root["trace_id"] == run.id
    assert root["name"] == "run iris"
    assert root["attributes"]["aml.state"] == "Completed"
    assert root["problem"] is None
    states = [span["name"] for span in spans if span["parent_id"] == root["span_id"]]
    assert states[:2] == ["NotStarted", "Preparing"]
    assert states[-1] == "Finalizing"
    reached = [line["attributes"]["aml.state"] for line in lines if line.get("name") == "aml.runs"]
    assert reached[0] == "NotStarted"
    assert reached[-1] == "Completed"
    (duration,) = [line for line in lines if line.get("name") == "aml.run.duration"]
    assert duration["value"] > 0
    workspace.set_telemetry(None)
    submit(workspace, tmp_path)
    assert len((aml_home / "telemetry.jsonl").read_text().splitlines()) == len(lines)


def test_a_collector_gets_a_trace_and_deltas(workspace, receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("OTLP_KEY", "let-me-in")
    workspace.set_telemetry("otlp", endpoint=receiver.url, secret_headers={"x-api-key": "secret://env/OTLP_KEY"})
    first = submit(workspace, tmp_path)
    failed = submit(workspace, tmp_path, "import sys\nprint('oh no')\nsys.exit(3)\n")
    assert receiver.headers[0]["x-api-key"] == "let-me-in"
    assert receiver.resources[0]["service.name"] == "aml-plugins"
    roots = {span.trace_id.hex(): span for span in receiver.spans if not span.parent_span_id}
    assert set(roots) == {first.id, failed.id}
    good, bad = roots[first.id], roots[failed.id]
    assert attributes(good)["aml.exit_code"] == 0
    assert bad.status.code == 2
    assert "exit code 3" in bad.status.message
    assert "oh no" not in bad.status.message, "the script's log is no telemetry"
    children = [span for span in receiver.spans if span.parent_span_id == good.span_id]
    assert {span.name for span in children} >= {"NotStarted", "Preparing", "Queued", "Finalizing"}
    assert all(good.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in children)
    counted: dict[str, int] = {}
    for point in receiver.points["aml.runs"]:
        state = attributes(point)["aml.state"]
        counted[state] = counted.get(state, 0) + int(point.as_double or point.as_int)
    assert counted["NotStarted"] == 2
    assert (counted["Completed"], counted["Failed"]) == (1, 1)
    assert sum(point.count for point in receiver.points["aml.run.duration"]) == 2
    assert receiver.points["aml.run.state.duration"]


def test_azure_monitor_gets_the_same(workspace, receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("INSIGHTS", receiver.connection_string)
    workspace.set_telemetry("azure-monitor", connection_string="secret://env/INSIGHTS")
    run = submit(workspace, tmp_path)
    bases = [envelope["data"] for envelope in receiver.envelopes]
    spans = [data["baseData"] for data in bases if data["baseType"] == "RemoteDependencyData"]
    assert any(span["name"] == "run iris" and span["success"] for span in spans)
    assert {
        envelope["tags"]["ai.operation.id"] for envelope in receiver.envelopes if "ai.operation.id" in envelope["tags"]
    } == {run.id}
    metrics = {
        point["name"] for data in bases if data["baseType"] == "MetricData" for point in data["baseData"]["metrics"]
    }
    assert {"aml.runs", "aml.run.duration"} <= metrics


SENDING = """
import sys, time
from aml_plugins.telemetry import sending
sending.FAREWELL_SECONDS = float(sys.argv[1])
from aml_backends.azure.monitor import AzureMonitorConfig, AzureMonitorExporter
from aml_plugins.telemetry.contract import Measurement, Span
from aml_plugins.telemetry.sending import Sender
exporter = AzureMonitorExporter(AzureMonitorConfig(connection_string="secret://env/INSIGHTS"))
sender, now = Sender(exporter), time.time()
span = Span(trace_id="1" * 32, span_id="1" * 16, parent_id=None, name="run", start=now, end=now)
sender.send([span], [Measurement(name="aml.runs", kind="count", value=1, time=now)])
"""
"""Ends right after its first telemetry: what sends it is opened while Python ends."""


def test_azure_monitor_gets_what_a_process_sends_as_it_ends(receiver, tmp_path):
    environment = {**os.environ, "INSIGHTS": receiver.connection_string, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SENDING]
    ended = subprocess.run([*command, "240"], env=environment, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")
    assert [envelope["data"]["baseType"] for envelope in receiver.envelopes] == ["RemoteDependencyData", "MetricData"]
    hasty = subprocess.run([*command, "0"], env=environment, capture_output=True, text=True, check=True)
    sentence = "Telemetry is lost: its receiver had not taken it when the process ended.\n"
    assert (hasty.stdout, hasty.stderr) == ("", sentence)


def test_azure_monitor_that_is_away_is_one_sentence_and_leaves_no_file(tmp_path):
    key = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:1/"
    environment = {**os.environ, "INSIGHTS": key, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SENDING, "240"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    sentence = "Telemetry was not taken by Azure Monitor. Look at its address, its credential and the network."
    assert (ended.stdout, ended.stderr.strip()) == ("", sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_receiver_that_refuses_harms_no_run_and_is_told_once(workspace, receiver, tmp_path, caplog):
    receiver.status = 403
    workspace.set_telemetry("otlp", endpoint=receiver.url)
    with caplog.at_level(logging.WARNING, "aml_plugins.telemetry.sending"):
        run = submit(workspace, tmp_path)
        assert run.status == "Completed"
    told = [record.message for record in caplog.records if record.name == "aml_plugins.telemetry.sending"]
    assert told == [f"Telemetry was not taken by {receiver.url}. Look at its address, its credential and the network."]


class Stuck(TelemetryExporter):
    """Takes nothing before it is allowed to, then fails."""

    type_name = "stuck"

    def __init__(self):
        super().__init__(LogFileConfig())
        self.go = threading.Event()
        self.calls = 0

    def export(self, spans, measurements):
        self.go.wait(20)
        self.calls += 1
        raise ValueError("hush: a credential")


def test_a_slow_and_broken_exporter_stops_nobody(caplog, monkeypatch):
    monkeypatch.setattr("aml_plugins.telemetry.sending.WAITING", 3)
    exporter = Stuck()
    sender = Sender(exporter)
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            sender.send((), ())
        assert not sender.flush(0.05)
        exporter.go.set()
        assert sender.flush(10)
    assert exporter.calls <= 4
    assert "Telemetry is lost: its receiver is too slow." in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("otlp", {}), InvalidInputError, "The setting 'endpoint'"),
        (("otlp", {"endpoint": "collector:4318"}), InvalidInputError, "must be an address such as"),
        (("otlp", {"endpoint": "http://a:hush@b"}), InvalidInputError, "must be an address such as"),
        (
            ("otlp", {"endpoint": "http://b", "secret_headers": {"x": "hush"}}),
            InvalidInputError,
            "not the secret itself",
        ),
        (
            ("azure-monitor", {"connection_string": "InstrumentationKey=hush"}),
            InvalidInputError,
            "not the secret itself",
        ),
        (("log-file", {"path": "relative"}), InvalidInputError, "must be an absolute path"),
        (("statsd", {}), PluginError, "There is no telemetry exporter type 'statsd'"),
    ],
)
def test_wrong_settings_are_refused_and_not_repeated(workspace, arguments, error, said):
    with pytest.raises(error, match=said) as caught:
        workspace.set_telemetry(arguments[0], **arguments[1])
    assert "hush" not in str(caught.value)
    assert workspace.telemetry is None


def test_the_doctor_can_try_each(workspace, receiver, aml_home, monkeypatch):
    assert open_exporter(workspace.context, "team-a") is None
    workspace.set_telemetry("log-file")
    assert "telemetry.jsonl" in open_exporter(workspace.context, "team-a").check()
    assert "answers" in OtlpExporter(OtlpConfig(endpoint=receiver.url)).check()
    with pytest.raises(TransientBackendError, match="does not answer"):
        OtlpExporter(OtlpConfig(endpoint="http://127.0.0.1:9")).check()
    monkeypatch.setenv("INSIGHTS", "nonsense")
    workspace.set_telemetry("azure-monitor", connection_string="secret://env/INSIGHTS")
    with pytest.raises(InvalidInputError, match="connection string of Azure Monitor is malformed"):
        open_exporter(workspace.context, "team-a").check()


def test_a_disk_that_refuses_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    span = Span(trace_id="1" * 32, span_id="1" * 16, parent_id=None, name="x", start=0, end=1)
    point = Measurement(name="x", kind="count", value=1, time=0)
    with pytest.raises(StoreError, match="Telemetry cannot be written to"):
        LogFileExporter(LogFileConfig(path=str(tmp_path / "file" / "below"))).export([span], [point])
