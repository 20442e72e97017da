"""An image builder that builds nothing."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_image_builder_types():
    return [
        TypeDescription(
            name="test", factory="aml_test_plugin.things:Thing", summary="An image builder that builds nothing."
        )
    ]
