"""From a service type's name to what drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.plugins.settings import checked_settings
from aml_plugins.services.contract import ServiceBackend, ServiceConfig

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["checked_config", "load_backend"]


def load_backend(context: Context, type_name: str) -> ServiceBackend:
    """Return what drives services of a type."""
    return context.plugins.load_class("aml_service_types", type_name, ServiceBackend)(context)


def checked_config(backend: ServiceBackend, settings: Mapping[str, Any]) -> ServiceConfig:
    """Return a type's settings.

    :raises InvalidInputError: naming the setting that is wrong.
    """
    return checked_settings(backend.config_model, f"a service of type '{backend.type_name}'", settings)
