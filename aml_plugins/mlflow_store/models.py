# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""New versions of models whose names or tags MLflow alone judges."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow.entities.model_registry import ModelVersionTag  # noqa: TID253  a leaf: imported with a store
from mlflow.exceptions import MlflowException  # noqa: TID253  as above

from aml_plugins.mlflow_store.registry import ModelRegistryStore
from aml_plugins.runs.history import ModelVersion

__all__ = ["register_version"]


def register_version(
    registry: ModelRegistryStore, name: str, source: str, run_id: str, tags: Mapping[str, str]
) -> ModelVersion:
    """Add a version; the model is created where it is missing."""
    try:
        registry.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version_tags = [ModelVersionTag(key, value) for key, value in tags.items()]
    made = registry.create_model_version(name, source, run_id, version_tags)
    return ModelVersion(
        name=made.name,
        version=str(made.version),
        source=made.source,
        run_id=made.run_id,
        tags=dict(made.tags),
        aliases=[],
    )
