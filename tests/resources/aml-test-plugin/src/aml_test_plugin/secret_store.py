"""A secret store without secrets."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_secret_store_types():
    return [
        TypeDescription(name="test", factory="aml_test_plugin.things:Thing", summary="A secret store without secrets.")
    ]
