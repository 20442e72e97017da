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
        "operators": [{"integration-name": "AML Plugins", "python-modules": ["aml_airflow.operators.run"]}],
    }
