"""From our spans and measurements to what the exporters of OpenTelemetry take."""

from __future__ import annotations

import math
import socket
import uuid
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk import version as sdk_version
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from aml_plugins._version import __version__
from aml_plugins.errors import TransientBackendError
from aml_plugins.telemetry.contract import ExporterConfig, Measurement, Span, TelemetryExporter

__all__ = ["DELTAS", "Bridge", "BridgedExporter"]

DELTAS: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}
"""What was counted since the last export: drivers are many and short-lived, their sums are the receiver's."""

BOUNDARIES = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600)
NANOSECONDS = 1_000_000_000
SCOPE = InstrumentationScope("aml_plugins", __version__)


class Bridge:
    """One pair of exporters.

    :param where: the receiver, for messages; without a credential.
    """

    def __init__(self, spans: SpanExporter, metrics: MetricExporter, where: str) -> None:
        self._where = where
        self._spans = spans
        self._noticing = _Noticing(metrics)
        self._resource = _resource()
        self._reader = PeriodicExportingMetricReader(self._noticing, export_interval_millis=math.inf)
        self._provider = MeterProvider([self._reader], resource=self._resource, shutdown_on_exit=False)
        self._meter = self._provider.get_meter("aml_plugins", __version__)
        self._instruments: dict[str, Callable[[float, Any], None]] = {}

    def export(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        """Send both.

        :raises TransientBackendError: where the receiver did not take them.
        """
        if spans and self._spans.export([self._readable(span) for span in spans]) is not SpanExportResult.SUCCESS:
            raise self._refused()
        for measurement in measurements:
            self._instrument(measurement)(measurement.value, dict(measurement.attributes))
        if measurements:
            self._provider.force_flush()
            if not self._noticing.succeeded:
                raise self._refused()

    def close(self) -> None:
        """Release connections."""
        self._provider.shutdown()
        self._spans.shutdown()

    def _instrument(self, measurement: Measurement) -> Callable[[float, Any], None]:
        if measurement.name not in self._instruments:
            self._instruments[measurement.name] = (
                self._meter.create_counter(measurement.name, unit="1").add
                if measurement.kind == "count"
                else self._meter.create_histogram(
                    measurement.name, unit="s", explicit_bucket_boundaries_advisory=BOUNDARIES
                ).record
            )
        return self._instruments[measurement.name]

    def _readable(self, span: Span) -> ReadableSpan:
        parent = _context(span.trace_id, span.parent_id) if span.parent_id else None
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=parent,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.problem) if span.problem is not None else Status(StatusCode.OK),
            start_time=int(span.start * NANOSECONDS),
            end_time=int(span.end * NANOSECONDS),
            instrumentation_scope=SCOPE,
        )

    def _refused(self) -> TransientBackendError:
        return TransientBackendError(
            f"Telemetry was not taken by {self._where}.", "Look at its address, its credential and the network."
        )


class BridgedExporter(TelemetryExporter):
    """Sends through a bridge that is opened for the first export."""

    def __init__(self, config: ExporterConfig) -> None:
        super().__init__(config)
        self._bridge: Bridge | None = None

    @abstractmethod
    def _opened(self) -> Bridge:
        """Make the bridge."""

    def export(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        if self._bridge is None:
            self._bridge = self._opened()
        self._bridge.export(spans, measurements)

    def close(self) -> None:
        if self._bridge is not None:
            self._bridge.close()


class _Noticing(MetricExporter):
    """Passes metrics on and remembers whether they were taken: the reader keeps it for itself."""

    def __init__(self, inner: MetricExporter) -> None:
        super().__init__(preferred_temporality=DELTAS)
        self._inner = inner
        self.succeeded = True

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        result = self._inner.export(metrics_data, timeout_millis, **kwargs)
        self.succeeded = result is MetricExportResult.SUCCESS
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._inner.shutdown(timeout_millis, **kwargs)


def _resource() -> Resource:
    """Return what sends: this package on this machine, with what ``OTEL_RESOURCE_ATTRIBUTES`` adds.

    ``Resource.create()`` would ask in threads, which a process that is ending does not get: one that ends right after
    its first telemetry opens its exporter then.
    """
    library = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version.__version__,
    }
    one_of_many = {"service.instance.id": str(uuid.uuid4())}  # deltas of two processes are not one series
    ours = {"service.name": "aml-plugins", "service.version": __version__, "host.name": socket.gethostname()}
    return Resource(library | one_of_many).merge(OTELResourceDetector().detect()).merge(Resource(ours))


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
