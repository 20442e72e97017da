"""Receivers of telemetry: OpenTelemetry's protocol over HTTP, decoded, and Azure Monitor's ingestion endpoint."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from services.loopback import serving

__all__ = ["Receiver", "running_receiver"]


@dataclass
class Receiver:
    """What arrived.

    :param spans: OTLP spans, as protobuf messages.
    :param points: OTLP data points by the metric's name.
    :param envelopes: of Azure Monitor, as JSON.
    :param status: what is answered; 200 takes what comes.
    """

    url: str
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    points: dict[str, list[Any]] = field(default_factory=dict)
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    instrumentation_key: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def connection_string(self) -> str:
        """What Azure's page of an Application Insights resource would show."""
        return f"InstrumentationKey={self.instrumentation_key};IngestionEndpoint={self.url}/;LiveEndpoint={self.url}/"


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Start a receiver and stop it at the end."""
    with serving(_Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        server.receiver = receiver  # type: ignore[attr-defined]
        yield receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Tests read what arrived."""

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        receiver.headers.append(dict(self.headers.items()))
        if receiver.status != 200:
            self._answer(receiver.status, b"", "text/plain")
        elif self.path == "/v1/traces":
            self._traces(receiver, body)
        elif self.path == "/v1/metrics":
            self._metrics(receiver, body)
        elif self.path == "/v2.1/track":
            self._track(receiver, body)
        else:
            self._answer(404, b"", "text/plain")

    def _traces(self, receiver: Receiver, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

        assert self.headers["Content-Type"] == "application/x-protobuf"
        for resource in service.ExportTraceServiceRequest.FromString(body).resource_spans:
            receiver.resources.append(attributes(resource.resource))
            receiver.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self._answer(200, service.ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")

    def _metrics(self, receiver: Receiver, body: bytes) -> None:
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service

        for resource in service.ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                data = metric.sum if metric.HasField("sum") else metric.histogram
                assert data.aggregation_temporality == 1, "deltas, since drivers are many"
                receiver.points.setdefault(metric.name, []).extend(data.data_points)
        self._answer(200, service.ExportMetricsServiceResponse().SerializeToString(), "application/x-protobuf")

    def _track(self, receiver: Receiver, body: bytes) -> None:
        text = body.decode()
        found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        assert {envelope["iKey"] for envelope in found} == {receiver.instrumentation_key}
        receiver.envelopes += found
        answer = {"itemsReceived": len(found), "itemsAccepted": len(found), "errors": []}
        self._answer(200, json.dumps(answer).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def attributes(message: Any) -> dict[str, Any]:
    """Return a message's attributes as plain values."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in message.attributes}
