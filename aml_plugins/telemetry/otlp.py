"""The type ``otlp``: OpenTelemetry's protocol over HTTP, which collectors and most services take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from pydantic import Field, field_validator

from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.telemetry.contract import ExporterConfig, Measurement, Span, TelemetryExporter
from aml_plugins.telemetry.opentelemetry_bridge import DELTAS, Bridge

__all__ = ["OtlpConfig", "OtlpExporter"]

SECONDS = 5


class OtlpConfig(ExporterConfig):
    """Settings of a receiver of OTLP over HTTP."""

    endpoint: str = Field(description="Its address without /v1/traces, such as http://collector:4318.")
    secret_headers: dict[str, SecretSetting] = Field(
        default_factory=dict, description="Headers that let us in, each as secret://STORE/NAME."
    )

    @field_validator("secret_headers", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """Let a command line give them: NAME=secret://STORE/NAME, with a comma between two."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part]
        return {name.strip(): reference.strip() for name, _, reference in pairs}

    @field_validator("endpoint")
    @classmethod
    def _plain(cls, value: str) -> str:
        """Refuse what is no address, and one with a password in it."""
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in parts.netloc:
            raise ValueError("must be an address such as http://collector:4318")
        return value.rstrip("/")


class OtlpExporter(TelemetryExporter):
    """Sends protobuf over HTTP."""

    type_name = "otlp"
    config_model: ClassVar[type[ExporterConfig]] = OtlpConfig
    config: OtlpConfig

    def __init__(self, config: ExporterConfig) -> None:
        super().__init__(config)
        self._bridge: Bridge | None = None

    def export(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        if self._bridge is None:
            self._bridge = self._opened()
        self._bridge.export(spans, measurements)

    def check(self) -> str:
        import socket  # noqa: PLC0415  for the doctor

        from aml_plugins.errors import TransientBackendError  # noqa: PLC0415  as above

        parts = urlsplit(self.config.endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((str(parts.hostname), port), timeout=SECONDS).close()
        except OSError as error:
            raise TransientBackendError(
                f"{self.config.endpoint} does not answer: {error.strerror or type(error).__name__}.",
                "Look at the address and at the network.",
            ) from None
        return f"{self.config.endpoint} answers"

    def close(self) -> None:
        if self._bridge is not None:
            self._bridge.close()

    def _opened(self) -> Bridge:
        endpoint = self.config.endpoint
        headers = {name: self.secrets(reference) for name, reference in self.config.secret_headers.items()}
        return Bridge(
            OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers, timeout=SECONDS),
            OTLPMetricExporter(
                endpoint=f"{endpoint}/v1/metrics", headers=headers, timeout=SECONDS, preferred_temporality=DELTAS
            ),
            endpoint,
        )
