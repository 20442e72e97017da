# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Registered models of one workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities.model_registry import ModelVersionTag  # noqa: TID253  a leaf: imported with a store
from mlflow.exceptions import MlflowException  # noqa: TID253  as above

from aml_plugins.mlflow_store import artifacts
from aml_plugins.mlflow_store.registry import ModelRegistryStore
from aml_plugins.runs.history import ModelVersion

__all__ = ["all_versions", "download_model", "newest_versions", "register_version"]

_PAGE = 1000


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
    return _value(registry.create_model_version(name, source, run_id, version_tags))


def newest_versions(registry: ModelRegistryStore) -> Sequence[ModelVersion]:
    """Return the newest version of each model, by name; a model without versions is left out."""
    models = _pages(lambda token: registry.search_registered_models(None, _PAGE, ["name ASC"], token))
    newest = (max(model.latest_versions, key=_number, default=None) for model in models)
    return [_value(version) for version in newest if version is not None]


def all_versions(registry: ModelRegistryStore, name: str) -> Sequence[ModelVersion]:
    """Return all versions of a model, newest first."""
    aliases = dict(registry.get_registered_model(name).aliases or {})  # says so where there is none
    quote = '"' if "'" in name else "'"
    found = _pages(lambda token: registry.search_model_versions(f"name = {quote}{name}{quote}", _PAGE, None, token))
    return [_value(version, aliases) for version in sorted(found, key=_number, reverse=True)]


def download_model(registry: ModelRegistryStore, name: str, version: str, destination: Path, workspace: str) -> Path:
    """Bring a version's file or directory below ``destination``, under its own name."""
    source = str(registry.get_model_version_download_uri(name, version)).rstrip("/")
    folder, _, last = source.rpartition("/")
    return artifacts.files_at(folder, workspace).download(last, destination)


def _pages(page_at: Any) -> list[Any]:
    page = page_at(None)
    found = list(page)
    while page.token:
        page = page_at(page.token)
        found += page
    return found


def _number(version: Any) -> int:
    return int(version.version)


def _value(version: Any, aliases: Mapping[str, Any] | None = None) -> ModelVersion:
    return ModelVersion(
        name=version.name,
        version=str(version.version),
        source=version.source,
        run_id=version.run_id,
        tags=dict(version.tags),
        aliases=sorted(alias for alias, number in (aliases or {}).items() if str(number) == str(version.version)),
    )
