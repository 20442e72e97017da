"""A container registry without containers."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_container_registry_types():
    return [
        TypeDescription(
            name="test", factory="aml_test_plugin.things:Thing", summary="A container registry without containers."
        )
    ]
