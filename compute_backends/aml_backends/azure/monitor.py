"""The type ``azure-monitor``: Application Insights, by its connection string."""

from __future__ import annotations

import logging
import os
from typing import ClassVar

# Before the import: the exporter would report on itself to its makers, and ask them how to behave, in the background.
os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
os.environ.setdefault("APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED", "true")

from azure.monitor.opentelemetry.exporter import (  # noqa: TID253  a leaf: imported with an exporter of this type
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from pydantic import Field

from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.errors import InvalidInputError
from aml_plugins.telemetry.contract import ExporterConfig
from aml_plugins.telemetry.opentelemetry_bridge import Bridge, BridgedExporter

__all__ = ["AzureMonitorConfig", "AzureMonitorExporter"]

_LIBRARY = logging.getLogger("azure.monitor.opentelemetry.exporter")
_LIBRARY.addHandler(logging.NullHandler())  # whoever types a command is told by us, once
_LIBRARY.getChild("export.trace._exporter").setLevel(logging.CRITICAL)  # a traceback where no tracer is set up, as here


class AzureMonitorConfig(ExporterConfig):
    """Settings of Application Insights."""

    connection_string: SecretSetting = Field(description="secret:// reference to its connection string.")


class AzureMonitorExporter(BridgedExporter):
    """Sends to the ingestion endpoint that the connection string names."""

    type_name = "azure-monitor"
    config_model: ClassVar[type[ExporterConfig]] = AzureMonitorConfig
    config: AzureMonitorConfig

    def check(self) -> str:
        self._opened().close()
        return "has a connection string"

    def _opened(self) -> Bridge:
        options = {"connection_string": self.secrets(self.config.connection_string), "disable_offline_storage": True}
        try:
            return Bridge(AzureMonitorTraceExporter(**options), AzureMonitorMetricExporter(**options), "Azure Monitor")
        except ValueError:
            raise InvalidInputError(
                "The connection string of Azure Monitor is malformed.",
                "Copy it anew from the page of the Application Insights resource, into the secret.",
            ) from None
