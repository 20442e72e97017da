"""What an exporter of telemetry must do, and the values it gets: plain ones, so that it needs no SDK."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from aml_plugins.secrets.references import SecretSource, from_environment

__all__ = ["ExporterConfig", "Measurement", "Span", "TelemetryExporter"]


class ExporterConfig(BaseModel):
    """Settings of an exporter; a type subclasses it. Unknown keys are refused, secrets are references."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that took time. A run is a trace: its id is the trace's, its states and tasks are spans below its own.

    :param trace_id: 32 hexadecimal digits.
    :param span_id: 16 hexadecimal digits; the same when a span is told of again.
    :param start: seconds since the epoch; likewise ``end``.
    :param problem: why it ended badly, None where it ended well.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start: float
    end: float
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number: ``count`` is added to a counter, ``seconds`` recorded in a histogram of durations."""

    name: str
    kind: Literal["count", "seconds"]
    value: float
    time: float
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)


class TelemetryExporter(ABC):
    """Sends spans and measurements somewhere. Called in a thread of its own: no run waits for it."""

    type_name: ClassVar[str]
    config_model: ClassVar[type[ExporterConfig]] = ExporterConfig

    secrets: SecretSource = staticmethod(from_environment)
    """Resolves references; whoever opens an exporter sets it to the workspace's secret stores."""

    def __init__(self, config: ExporterConfig) -> None:
        """Keep it; no network call here."""
        self.config = config

    @abstractmethod
    def export(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        """Send them, within seconds; what cannot be sent is lost.

        :raises AmlError: where it cannot be sent.
        """

    def check(self) -> str:
        """Try the exporter for ``aml doctor`` and return one line about it; raise what is wrong."""
        self.export((), ())
        return "nothing to check"

    def close(self) -> None:  # noqa: B027  optional: most exporters hold nothing open
        """Release connections. May be called twice."""
