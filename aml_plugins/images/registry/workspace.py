"""Which container registry a workspace has. It is kept in the workspace's settings.

Without one, images stay where they are built to: as blobs in the workspace's default datastore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.opening import default_datastore, default_name
from aml_plugins.images.opening import load_registry
from aml_plugins.store.settings import settings_of, update_settings

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.images.contract import ContainerRegistry
    from aml_plugins.json_types import JsonObject

__all__ = ["check_registry", "open_registry", "registry_of", "registry_words", "set_registry"]

_SETTING = "container_registry"


def registry_of(context: Context, workspace: str) -> JsonObject | None:
    """Return the registry's settings, ``type`` among them; None where images stay in the default datastore."""
    found = settings_of(context.store, workspace).get(_SETTING)
    return found if isinstance(found, Mapping) else None


def open_registry(context: Context, workspace: str) -> ContainerRegistry | None:
    """Return the workspace's registry, None where it has none.

    :raises AmlError: where its plugin is missing or its settings are wrong.
    """
    found = registry_of(context, workspace)
    return None if found is None else load_registry(context, found, workspace)


def set_registry(context: Context, workspace: str, settings: Mapping[str, Any] | None) -> None:
    """Choose where new images are pushed to, or nowhere with None. Nothing is asked over the network.

    :param settings: ``type`` and what the type's model has; a password is ``secret://STORE/NAME``.
    :raises InvalidInputError: for a wrong setting; nothing was written.
    """
    value: dict[str, Any] | None = None
    if settings is not None:
        made = load_registry(context, settings)
        value = {"type": made.type_name, **made.config.model_dump(mode="json", exclude_unset=True)}
    update_settings(context.store, workspace, {_SETTING: value})


def check_registry(context: Context, workspace: str) -> str:
    """Try the registry, or the datastore that stands for one; return what it said.

    :raises AmlError: where it does not work.
    """
    registry = open_registry(context, workspace)
    if registry is not None:
        return registry.check()
    default_datastore(context, workspace).check()
    return f"images stay in {_embedded(context, workspace)}"


def registry_words(context: Context, workspace: str) -> str:
    """Return the registry in a few words, without secrets."""
    found = registry_of(context, workspace)
    if found is None:
        return _embedded(context, workspace)
    place = found.get("address") or found.get("path") or found.get("name")
    return f"{found.get('type')} {place}" if place else str(found.get("type"))


def _embedded(context: Context, workspace: str) -> str:
    return f"the datastore '{default_name(context, workspace)}'"
