"""Which exporter a workspace has. It is kept in the workspace's settings; without one, nothing is collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.json_types import JsonObject
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.store.settings import settings_of, update_settings
from aml_plugins.telemetry.contract import TelemetryExporter

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["open_exporter", "set_telemetry", "telemetry_in", "telemetry_of"]

EXPORTER_TYPES = "aml_telemetry_exporter_types"
_SETTING = "telemetry"


def telemetry_of(context: Context, workspace: str) -> JsonObject | None:
    """Return ``{"type", "config"}`` of the workspace's exporter, None where it has none."""
    return telemetry_in(settings_of(context.store, workspace))


def telemetry_in(settings: JsonObject) -> JsonObject | None:
    """Return the same of a workspace's settings."""
    found = settings.get(_SETTING)
    return found if isinstance(found, Mapping) else None


def open_exporter(context: Context, workspace: str) -> TelemetryExporter | None:
    """Return the workspace's exporter, None where it has none.

    :raises AmlError: where its plugin is missing or its settings are wrong.
    """
    found = telemetry_of(context, workspace)
    if found is None:
        return None
    config = found.get("config")
    return _made(context, workspace, str(found.get("type")), config if isinstance(config, Mapping) else {})


def set_telemetry(context: Context, workspace: str, type_name: str | None, settings: Mapping[str, Any]) -> None:
    """Choose the workspace's exporter, or none with None.

    :raises InvalidInputError: for a wrong setting; nothing was written.
    """
    value: dict[str, Any] | None = None
    if type_name is not None:
        made = _made(context, workspace, type_name, settings)
        value = {"type": type_name, "config": made.config.model_dump(mode="json", exclude_unset=True)}
    update_settings(context.store, workspace, {_SETTING: value})


def _made(context: Context, workspace: str, type_name: str, settings: Mapping[str, Any]) -> TelemetryExporter:
    loaded = context.plugins.load_class(EXPORTER_TYPES, type_name, TelemetryExporter)
    config = checked_settings(loaded.config_model, f"a telemetry exporter of type '{type_name}'", settings)
    made = loaded(config)
    made.secrets = context.secrets(workspace)
    return made
