"""A service that serves nobody."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_service_types():
    return [
        TypeDescription(name="test", factory="aml_test_plugin.things:Thing", summary="A service that serves nobody.")
    ]
