"""``mlflow deployments run-local``: the model on this machine, as a service of the type ``local``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aml_plugins.mlflow_deployments.client import AmlDeployments

__all__ = ["run_local"]


def run_local(name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None) -> None:
    """Deploy the model here, whatever the target, and say where it answers. It runs until it is deleted."""
    made = AmlDeployments("aml:/local").create_deployment(name, model_uri, flavor, config)
    print(f"{name} answers at {made['endpoint']}/invocations. End it with: aml service delete {name}")  # noqa: T201
