"""An exporter that exports nothing."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_telemetry_exporter_types():
    return [
        TypeDescription(
            name="test", factory="aml_test_plugin.things:Thing", summary="An exporter that exports nothing."
        )
    ]
