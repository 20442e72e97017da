"""From a service type's name to what drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aml_plugins.errors import InvalidInputError, PluginError
from aml_plugins.services.contract import ServiceBackend, ServiceConfig

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["checked_config", "load_backend"]


def load_backend(context: Context, type_name: str) -> ServiceBackend:
    """Return what drives services of a type."""
    loaded = context.plugins.load("aml_service_types", type_name)
    if not (isinstance(loaded, type) and issubclass(loaded, ServiceBackend)):
        raise PluginError(f"The plugin for service type '{type_name}' does not provide a ServiceBackend.")
    return loaded(context)


def checked_config(backend: ServiceBackend, settings: Mapping[str, Any]) -> ServiceConfig:
    """Return a type's settings.

    :raises InvalidInputError: naming the setting that is wrong.
    """
    try:
        return backend.config_model.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "settings"
        known = ", ".join(sorted(backend.config_model.model_fields))
        raise InvalidInputError(
            f"The setting '{place}' of a {backend.type_name} service is wrong: {first['msg']}.", f"Settings: {known}."
        ) from None
