"""What images are made with: this machine's blobs, the builder and the registry that settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_plugins.images.contract import ContainerRegistry, ImageBuilder
from aml_plugins.images.layout import Layout
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.store.records import ImageRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["image_layout", "load_builder", "load_registry", "registry_of_image"]


def image_layout(context: Context) -> Layout:
    """Return this machine's cache of blobs."""
    return Layout(context.home / "images")


def load_builder(context: Context, name: str) -> ImageBuilder:
    """Return a builder by its type's name."""
    return context.plugins.load_class("aml_image_builder_types", name, ImageBuilder)(image_layout(context))


def load_registry(context: Context, settings: Any, workspace: str | None = None) -> ContainerRegistry:
    """Return the registry that settings describe: ``type`` and what the type's model has.

    :param workspace: whose secret stores its references name; None for ``env`` alone.
    :raises InvalidInputError: for settings that the type refuses.
    """
    given = dict(settings)
    name = str(given.pop("type", "oci"))
    kind = context.plugins.load_class("aml_container_registry_types", name, ContainerRegistry)
    made = kind(checked_settings(kind.config_model, f"a container registry of type '{name}'", given))
    if workspace is not None:
        made.secrets = context.secrets(workspace)
    return made


def registry_of_image(context: Context, record: ImageRecord) -> ContainerRegistry | None:
    """Return where an image is pushed to, None where it stays."""
    settings = record.config.get("registry")
    return load_registry(context, settings, record.workspace) if settings else None
