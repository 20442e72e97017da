"""From a compute target's name to the backend that drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.compute.backend import ComputeBackend, ComputeTarget, TargetConfig
from aml_plugins.errors import AlreadyExistsError, NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.store.records import ComputeTargetRecord
from aml_plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from aml_plugins.context import Context
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.datastores.kept import KeptDatastores
    from aml_plugins.plugins import Plugins
    from aml_plugins.store.interface import Store

__all__ = [
    "BUILT_IN_TARGET",
    "BackendCache",
    "attached",
    "find_target",
    "load_backend_type",
    "make_backend",
    "validate_config",
]

BUILT_IN_TARGET = "local"
"""The target that every workspace has without attaching it: this machine."""

TARGET_TYPES = "aml_compute_target_types"


class BackendCache:
    """Backends by workspace and target name, made on first use."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._backends: dict[tuple[str, str], tuple[ComputeTargetRecord, ComputeBackend]] = {}

    def get(self, workspace: str, name: str) -> ComputeBackend:
        """Return the backend of a compute target.

        :raises NotFoundError: for a name that is not attached.
        :raises PluginError: where the plugin that brings the target's type is missing or broken.
        """
        known = self._backends.get((workspace, name))
        if known is not None:
            return known[1]
        return self.of(find_target(self._store, workspace, name))

    def of(self, record: ComputeTargetRecord) -> ComputeBackend:
        """Return the backend of a target that was just read; made anew where the target was changed since.

        :raises PluginError: as :meth:`get`.
        """
        known = self._backends.get((record.workspace, record.name))
        if known is not None and (known[0].type, known[0].config) == (record.type, record.config):
            return known[1]
        backend = make_backend(self._context, record)
        self.forget(record.workspace, record.name)
        self._backends[record.workspace, record.name] = (record, backend)
        return backend

    def forget(self, workspace: str, name: str) -> None:
        """Drop a backend whose target was changed or detached."""
        known = self._backends.pop((workspace, name), None)
        if known is not None:
            known[1].close()

    def close(self) -> None:
        """Close all backends."""
        for workspace, name in list(self._backends):
            self.forget(workspace, name)


def make_backend(context: Context, record: ComputeTargetRecord) -> ComputeBackend:
    """Return a new backend for a target, whether it is written down or not.

    :raises InvalidInputError: for a wrong setting.
    """
    backend_type = load_backend_type(context.plugins, record.type)
    config = validate_config(backend_type, record.type, record.config)
    return backend_type(
        ComputeTarget(
            workspace=record.workspace,
            name=record.name,
            type=record.type,
            config=config,
            home=context.home / "targets" / record.workspace / record.name,
            secrets=context.secrets(record.workspace),
            open_datastore=_datastores(context, record.workspace),
        )
    )


def _datastores(context: Context, workspace: str) -> Callable[[str], Datastore]:
    kept: list[KeptDatastores] = []

    def open_one(name: str) -> Datastore:
        from aml_plugins.datastores.kept import KeptDatastores  # noqa: PLC0415  few targets need any

        if not kept:
            kept.append(KeptDatastores(context, workspace))
        return kept[0].open(name)

    return open_one


def find_target(store: Store, workspace: str, name: str) -> ComputeTargetRecord:
    """Return the record of a compute target; ``local`` is there without being attached.

    :raises NotFoundError: with the names that are there.
    """
    records = {record.name: record for record in store.compute_targets.list(workspace)}
    if name in records:
        return records[name]
    if name == BUILT_IN_TARGET:
        return ComputeTargetRecord(workspace=workspace, name=name, type="local")
    names = sorted({*records, BUILT_IN_TARGET})
    raise NotFoundError(
        f"The workspace '{workspace}' has no compute target '{name}'.{did_you_mean(name, names)}",
        f"It has: {', '.join(names)}. Attach one with: aml compute attach TYPE {name}",
    )


def attached(store: Store, record: ComputeTargetRecord) -> ComputeTargetRecord:
    """Return the record of a compute target, written down where it is the built-in one: slots belong to a row."""
    if record.created_at:
        return record
    try:
        return store.compute_targets.add(record)
    except AlreadyExistsError:  # another submitter was first
        return store.compute_targets.get(record.workspace, record.name)


def load_backend_type(plugins: Plugins, type_name: str) -> type[ComputeBackend]:
    """Import the backend class of a target type.

    :raises PluginError: where what the plugin names is not a backend.
    """
    return plugins.load_class(TARGET_TYPES, type_name, ComputeBackend)


def validate_config(backend_type: type[ComputeBackend], type_name: str, config: JsonObject) -> TargetConfig:
    """Check a target's settings against its type.

    :raises InvalidInputError: naming the first wrong setting.
    """
    return checked_settings(backend_type.config_model, f"a compute target of type '{type_name}'", config)
