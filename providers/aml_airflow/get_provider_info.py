"""What Airflow reads to discover this provider. Imports nothing: Airflow reads it while it starts."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description; ``package-name`` must be the distribution's name."""
    return {
        "package-name": "aml-plugins",
        "name": "AML Plugins",
        "description": "Run script directories on any compute target and bring everything back to MLflow.",
        "integrations": [
            {
                "integration-name": "AML Plugins",
                "tags": ["software"],
            }
        ],
        "task-decorators": [{"name": "aml", "class-name": "aml_airflow.decorators.aml.aml_task"}],
        "asset-uris": [
            {
                "schemes": ["aml"],
                "handler": "aml_airflow.assets.aml.sanitize_uri",
                "factory": "aml_airflow.assets.aml.create_asset",
                "to_openlineage_converter": "aml_airflow.assets.aml.asset_to_openlineage",
            }
        ],
        "notifications": ["aml_airflow.notifications.aml.AmlNotifier"],
        "plugins": [{"name": "aml_run_tags", "plugin-class": "aml_airflow.plugins.run_tags.AmlRunTagsPlugin"}],
        "operators": [{"integration-name": "AML Plugins", "python-modules": ["aml_airflow.operators.run"]}],
    }
