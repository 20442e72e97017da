"""What Airflow reads to discover this provider. Imports nothing: Airflow reads it while it starts."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description; ``package-name`` must be the distribution's name."""
    return {
        "package-name": "aml-plugins",
        "name": _NAME,
        "description": "Run script directories on any compute target and bring everything back to MLflow.",
        "integrations": [
            {
                "integration-name": _NAME,
                "tags": ["software"],
            }
        ],
        "operators": [{"integration-name": _NAME, "python-modules": _modules("operators", _OPERATORS)}],
        "sensors": [{"integration-name": _NAME, "python-modules": _modules("sensors", ("run", "task", "model"))}],
        "triggers": [{"integration-name": _NAME, "python-modules": _modules("triggers", _TRIGGERS)}],
        "hooks": [{"integration-name": _NAME, "python-modules": ["aml_airflow.hooks.aml"]}],
        "extra-links": ["aml_airflow.links.run.AmlRunLink", "aml_airflow.links.run.AmlConsoleLink"],
        "connection-types": [_CONNECTION],
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
    }


def _modules(kind: str, names: tuple[str, ...]) -> list[str]:
    return [f"aml_airflow.{kind}.{name}" for name in names]


_NAME = "AML Plugins"
_TRIGGERS = ("run", "task", "model", "model_version")
_OPERATORS = ("run", "model", "image", "service", "compute", "datastore")
_CONNECTION = {
    "connection-type": "aml",
    "hook-class-name": "aml_airflow.hooks.aml.AmlHook",
    "hook-name": "Azure ML Plugins workspace",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "extra"],
        "relabeling": {"host": "Server or database", "login": "User"},
        "placeholders": {
            "host": "https://mlflow.example.com, or aml+postgresql://db.example.com/mlflow",
            "login": "of the server or the database",
        },
    },
    "conn-fields": {
        "workspace": {
            "label": "Workspace",
            "description": "The workspace of tasks that name none; empty for 'default'.",
            "schema": {"type": ["string", "null"]},
        },
        "server_url": {
            "label": "Address for links",
            "description": "Where people open MLflow's UI and the console, where that is not the host itself.",
            "schema": {"type": ["string", "null"], "format": "url"},
        },
    },
}
