"""OpenTelemetry traces and metrics of requests, where an exporter is configured and the libraries are installed."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any, Mapping

from .answers import Answer
from .incoming import Incoming

__all__ = ["Tracing", "open_tracing"]

logger = logging.getLogger("azmlinfsrv")

_SERVER_ERRORS = 500
_FAREWELL_SECONDS = 5.0
_REPORTS_OF_ITS_OWN = ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED")
"""Azure Monitor's exporter would report on itself to its makers, and ask them how to behave, in the background."""


class Tracing:
    """One span a request and the two metrics that HTTP servers have.

    :param api: the modules ``trace``, ``metrics`` and ``propagate`` of OpenTelemetry.
    """

    def __init__(self, api: Any, providers: list[Any]) -> None:
        self._api = api
        self._providers = providers
        self._tracer = api.trace.get_tracer("aml_plugins.scoring")
        meter = api.metrics.get_meter("aml_plugins.scoring")
        self._duration = meter.create_histogram("http.server.request.duration", "s")
        self._run = meter.create_histogram("aml.scoring.run.duration", "s")

    def start(self, incoming: Incoming) -> Any:
        """Begin the span, below the caller's where its headers name one."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in incoming.headers.items()}
        return self._tracer.start_span(
            f"{incoming.method} {incoming.path}",
            context=self._api.propagate.extract(headers),
            kind=self._api.trace.SpanKind.SERVER,
            attributes={"http.request.method": incoming.method, "url.path": incoming.path},
        )

    def end(self, span: Any, answer: Answer, request_id: str) -> None:
        """End the span with what came of the request."""
        span.set_attribute("http.response.status_code", answer.status)
        span.set_attribute("aml.request_id", request_id)
        if answer.run_ms is not None:
            span.set_attribute("aml.run_ms", answer.run_ms)
            self._run.record(answer.run_ms / 1000)
        if answer.status >= _SERVER_ERRORS:
            span.set_status(self._api.trace.StatusCode.ERROR)
        span.end()
        seconds = (span.end_time - span.start_time) / 1e9 if getattr(span, "end_time", None) else 0.0
        self._duration.record(seconds, {"http.response.status_code": answer.status})

    def close(self) -> None:
        """Send what waits, for a moment: a receiver that is silent keeps no worker from ending."""
        closing = [threading.Thread(target=provider.shutdown, daemon=True) for provider in self._providers]
        until = time.monotonic() + _FAREWELL_SECONDS
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(max(0.0, until - time.monotonic()))


def open_tracing(variables: Mapping[str, str], service: str) -> Tracing | None:
    """Return None where nothing is configured: neither an OTLP endpoint nor Application Insights.

    ``OTEL_EXPORTER_OTLP_ENDPOINT`` is OpenTelemetry's variable; ``AML_APP_INSIGHTS_KEY`` is Azure ML's.
    """
    key = variables.get("AML_APP_INSIGHTS_KEY") if variables.get("AML_APP_INSIGHTS_ENABLED") == "true" else None
    if not (key or variables.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        return None
    try:
        return _open(service, key)
    except ImportError as error:
        logger.warning("Telemetry is configured, but %s is not installed: nothing is exported.", error.name)
        return None


def _open(service: str, key: str | None) -> Tracing:
    from opentelemetry import metrics, propagate, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans, numbers = _azure_exporters(key) if key else _otlp_exporters()
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", service)})
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)  # by close(), in bounded time
    traces.add_span_processor(BatchSpanProcessor(spans))
    meters = MeterProvider([PeriodicExportingMetricReader(numbers)], resource=resource, shutdown_on_exit=False)
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(meters)

    class Api:
        pass

    api: Any = Api()
    api.trace, api.metrics, api.propagate = trace, metrics, propagate
    return Tracing(api, [traces, meters])


def _otlp_exporters() -> Any:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import Histogram
    from opentelemetry.sdk.metrics.export import AggregationTemporality

    # Differences, not sums since the start: workers are many, and come and go.
    return OTLPSpanExporter(), OTLPMetricExporter(preferred_temporality={Histogram: AggregationTemporality.DELTA})


def _azure_exporters(key: str) -> Any:
    for name in _REPORTS_OF_ITS_OWN:  # said before the import
        os.environ.setdefault(name, "true")
    from azure.monitor.opentelemetry.exporter import (
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    connection = key if "InstrumentationKey=" in key else f"InstrumentationKey={key}"
    # What cannot be delivered would lie in the common temporary directory, for all to read.
    options: Any = {"connection_string": connection, "disable_offline_storage": True}
    return AzureMonitorTraceExporter(**options), AzureMonitorMetricExporter(**options)
