"""A secret store with one secret."""

from __future__ import annotations

from aml_plugins.hookspecs import TypeDescription, hookimpl


@hookimpl
def aml_secret_store_types():
    return [
        TypeDescription(
            name="test",
            factory="aml_test_plugin.secrets_and_telemetry:TestSecretStore",
            summary="A secret store with one secret.",
        )
    ]
