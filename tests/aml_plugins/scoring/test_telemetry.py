"""Traces and metrics of the scoring server, as they arrive."""

from __future__ import annotations

import signal
import socket
import sys
import uuid

import pytest
from servers import Server, ours
from services.telemetry_receivers import Receiver, running_receiver

SCRIPT = "def init(): pass\ndef run(data):\n    if data == 'bad': raise ValueError\n    return data\n"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver():
    with running_receiver() as started:
        yield started


def asked_and_stopped(tmp_path, variables: dict[str, str]) -> Server:
    (tmp_path / "score.py").write_text(SCRIPT)
    with ours(sys.executable, tmp_path, ["--entry_script", "score.py"], variables) as server:
        assert server.port, server.log.read_text()
        server.ask("POST", "/score", "x", traceparent=f"00-{TRACE}-{PARENT}-01", x_request_id="r1")
        server.ask("POST", "/score", "bad")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    return server


def attributes(span) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def test_requests_are_spans_below_their_callers(tmp_path, receiver: Receiver):
    asked_and_stopped(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "SERVICE_NAME": "iris"})
    spans = {
        attributes(span)["http.response.status_code"]: span for span in receiver.spans if span.name == "POST /score"
    }
    assert spans[200].trace_id.hex() == TRACE
    assert spans[200].parent_span_id.hex() == PARENT
    assert attributes(spans[200])["aml.request_id"] == "r1"
    assert float(attributes(spans[200])["aml.run_ms"]) >= 0
    assert spans[500].status.code == 2
    assert any(resource.get("service.name") == "iris" for resource in receiver.resources)
    counted = {name: sum(point.count for point in points) for name, points in receiver.points.items()}
    assert counted["http.server.request.duration"] == 2
    assert counted["aml.scoring.run.duration"] == 1


def test_application_insights_gets_them_too(tmp_path, receiver: Receiver):
    variables = {"AML_APP_INSIGHTS_ENABLED": "true", "AML_APP_INSIGHTS_KEY": receiver.connection_string}
    server = asked_and_stopped(tmp_path, variables)
    assert any("POST /score" in str(envelope) for envelope in receiver.envelopes)
    assert receiver.instrumentation_key not in server.log.read_text()


def test_application_insights_that_never_answers_keeps_no_worker_and_leaves_no_file(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        key = f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint=http://127.0.0.1:{silent.getsockname()[1]}/"
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        variables = {"AML_APP_INSIGHTS_ENABLED": "true", "AML_APP_INSIGHTS_KEY": key, "TMPDIR": str(temporary)}
        server = asked_and_stopped(tmp_path, variables)
    assert list(temporary.glob("Microsoft-AzureMonitor-*")) == []
    assert "opentelemetry" not in server.log.read_text()


def test_a_receiver_that_is_away_stops_nobody(tmp_path):
    asked_and_stopped(
        tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    )
