"""A compute target that remembers jobs in memory."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_compute_target_types():
    return [
        TypeDescription(
            name="test",
            factory="aml_test_plugin.backend:TestBackend",
            summary="A compute target that remembers jobs in memory.",
        )
    ]
