"""An exporter that keeps what it gets."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_telemetry_exporter_types():
    return [
        TypeDescription(
            name="test",
            factory="aml_test_plugin.secrets_and_telemetry:TestExporter",
            summary="An exporter that keeps what it gets.",
        )
    ]
