"""Traces and metrics of runs and tasks, off unless a workspace is configured; ``contract.py`` is an exporter's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_plugins.telemetry.contract import ExporterConfig, Measurement, Span, TelemetryExporter

__all__ = ["ExporterConfig", "Measurement", "Span", "TelemetryExporter"]


def __getattr__(name: str) -> Any:
    """Import the contract on first use: describing exporters needs no pydantic."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aml_plugins.telemetry import contract  # noqa: PLC0415  see above

    return getattr(contract, name)


def __dir__() -> list[str]:
    return sorted(__all__)
