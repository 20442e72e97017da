"""The type ``otlp``: OpenTelemetry's protocol over HTTP, which collectors and most services take."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from pydantic import Field, field_validator

from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.plugins.settings import NAMED_VALUES
from aml_plugins.telemetry.contract import ExporterConfig
from aml_plugins.telemetry.opentelemetry_bridge import DELTAS, Bridge, BridgedExporter

__all__ = ["OtlpConfig", "OtlpExporter"]

SECONDS = 5


class OtlpConfig(ExporterConfig):
    """Settings of a receiver of OTLP over HTTP."""

    endpoint: str = Field(description="Its address without /v1/traces, such as http://collector:4318.")
    secret_headers: Annotated[dict[str, SecretSetting], NAMED_VALUES] = Field(
        default_factory=dict, description="Headers that let us in, each as secret://STORE/NAME."
    )

    @field_validator("endpoint")
    @classmethod
    def _plain(cls, value: str) -> str:
        """Refuse what is no address, and one with a password in it."""
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in parts.netloc:
            raise ValueError("must be an address such as http://collector:4318")
        return value.rstrip("/")


class OtlpExporter(BridgedExporter):
    """Sends protobuf over HTTP."""

    type_name = "otlp"
    config_model: ClassVar[type[ExporterConfig]] = OtlpConfig
    config: OtlpConfig

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
