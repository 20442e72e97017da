"""A datastore in memory."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_datastore_types():
    return [
        TypeDescription(name="test", factory="aml_test_plugin.files:TestDatastore", summary="A datastore in memory.")
    ]
