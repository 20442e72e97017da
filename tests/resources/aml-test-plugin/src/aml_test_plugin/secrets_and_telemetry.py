"""The secret store type and the telemetry exporter type ``test``."""

from __future__ import annotations

from aml_plugins.errors import NotFoundError
from aml_plugins.secrets import SecretStore
from aml_plugins.telemetry import TelemetryExporter


class TestSecretStore(SecretStore):
    """Knows one secret."""

    type_name = "test"

    def get(self, name: str) -> str:
        if name != "known":
            raise NotFoundError(f"There is no secret '{name}'.")
        return "value"


class TestExporter(TelemetryExporter):
    """Keeps what it gets."""

    type_name = "test"

    def __init__(self, config):
        super().__init__(config)
        self.got = []

    def export(self, spans, measurements) -> None:
        self.got += [*spans, *measurements]
