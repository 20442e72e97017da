"""``aml plugins check --kit`` and ``--target``: find the targets, run the conformance kit on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aml_plugins.cli.options import open_workspace
from aml_plugins.compute.targets import TARGET_TYPES, find_target, load_backend_type, validate_config
from aml_plugins.errors import InvalidInputError
from aml_plugins.plugins import default_plugins

if TYPE_CHECKING:
    from aml_plugins.testing.checking import KitReport

__all__ = ["try_kit"]


def try_kit(
    plugin: str | None, target: str | None, settings: Mapping[str, str], store: str | None, workspace: str | None
) -> dict[str, KitReport]:
    """Run the kit on an attached target, or on one of each type that the plugin brings.

    :raises InvalidInputError: where it is not said which target, or a setting is missing.
    """
    if target is not None:
        opened = open_workspace(store, workspace)
        record = find_target(opened.context.store, opened.name, target)
        return {target: _run(record.type, target, opened.name, record.config)}
    if plugin is None:
        raise InvalidInputError("The conformance kit needs a target.", "Name a plugin, or one with --target.")
    types = _types_of(plugin)
    if not types:
        raise InvalidInputError(f"The plugin '{plugin}' brings no compute target type.", "Leave --kit out.")
    return {name: _run(name, "kit", "default", dict(settings)) for name in types}


def _run(type_name: str, name: str, workspace: str, config: Mapping[str, object]) -> KitReport:
    from aml_plugins.testing.checking import check_target

    plugins = default_plugins()
    backend_type = load_backend_type(plugins, type_name)
    checked = validate_config(backend_type, type_name, config)  # type: ignore[arg-type]  # text is JSON, too
    values = checked.model_dump(mode="json", exclude_unset=True)
    return check_target(
        workspace=workspace, name=name, type_name=type_name, config=values, module=backend_type.__module__
    )


def _types_of(plugin: str) -> list[str]:
    described = next(found for found in default_plugins().describe() if found.name == plugin)
    known = default_plugins().types(TARGET_TYPES)
    words = {word.rpartition(" ")[2] for word in described.types if word.startswith("compute target")}
    return sorted(words & set(known))
