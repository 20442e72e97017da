"""A workspace's secret stores by name. They are kept in the workspace's settings; ``env`` is always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.names import check_name
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.secrets.contract import SecretStore
from aml_plugins.secrets.references import SecretSource, parts_of
from aml_plugins.store.settings import change_settings, settings_of, update_settings
from aml_plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = [
    "BUILT_IN_STORE",
    "default_secret_store",
    "open_secret_store",
    "register_secret_store",
    "remove_secret_store",
    "resolve_reference",
    "secret_source",
    "secret_stores",
    "set_default_secret_store",
]

BUILT_IN_STORE = "env"
"""The secret store that every workspace has without registering it: the environment."""

SECRET_STORE_TYPES = "aml_secret_store_types"  # noqa: S105  the name of a hook
_STORES, _DEFAULT = "secret_stores", "secret_store"


def resolve_reference(context: Context, workspace: str, reference: str) -> str:
    """Return the value of ``secret://STORE/NAME``; hand it to what needs it and keep it nowhere.

    :raises InvalidInputError: for a reference that is malformed, or a store that the workspace has not.
    :raises NotFoundError: where the store has no such secret.
    """
    store, name = parts_of(reference)
    return open_secret_store(context, workspace, store).get(name)


def secret_source(context: Context, workspace: str) -> SecretSource:
    """Return what resolves the references of one workspace."""
    return context.secrets(workspace)


def secret_stores(context: Context, workspace: str) -> Mapping[str, JsonObject]:
    """Return the stores by name, each as ``{"type", "config"}``; ``env`` is there without being registered."""
    found = settings_of(context.store, workspace).get(_STORES)
    stores: dict[str, JsonObject] = {BUILT_IN_STORE: {"type": BUILT_IN_STORE, "config": {}}}
    if isinstance(found, Mapping):
        stores |= {name: value for name, value in found.items() if isinstance(value, Mapping)}
    return stores


def default_secret_store(context: Context, workspace: str) -> str:
    """Return the name of the store that ``aml secret set`` writes to."""
    return str(settings_of(context.store, workspace).get(_DEFAULT) or BUILT_IN_STORE)


def open_secret_store(context: Context, workspace: str, name: str) -> SecretStore:
    """Return a store of the workspace.

    :raises NotFoundError: with the names that are there.
    """
    stores = secret_stores(context, workspace)
    if name not in stores:
        raise NotFoundError(
            f"The workspace '{workspace}' has no secret store '{name}'.{did_you_mean(name, stores)}",
            f"It has: {', '.join(sorted(stores))}. Register one with: aml secret register TYPE {name}",
        )
    found = stores[name]
    config = found.get("config")
    return _made(context, str(found.get("type")), name, config if isinstance(config, Mapping) else {})


def register_secret_store(
    context: Context, workspace: str, type_name: str, name: str, settings: Mapping[str, Any]
) -> SecretStore:
    """Register a store; the first one that is registered becomes the default.

    :raises InvalidInputError: for a wrong name or setting, and for a name that is taken; nothing was written.
    """
    check_name("secret store", name)
    known = secret_stores(context, workspace)
    if name in known:
        raise InvalidInputError(
            f"The workspace '{workspace}' has a secret store '{name}' already.", "Use another name."
        )
    made = _made(context, type_name, name, settings)
    config = made.config.model_dump(mode="json", exclude_unset=True)

    def added(settings: JsonObject) -> JsonObject:
        registered = _registered(settings)
        default = {} if registered else {_DEFAULT: name}
        return {**settings, **default, _STORES: {**registered, name: {"type": type_name, "config": config}}}

    change_settings(context.store, workspace, added)
    return made


def remove_secret_store(context: Context, workspace: str, name: str) -> None:
    """Forget a store; what it holds stays where it is.

    :raises NotFoundError: where the workspace has no such registered store.
    """
    registered = {key: value for key, value in secret_stores(context, workspace).items() if key != BUILT_IN_STORE}
    if name not in registered:
        raise NotFoundError(
            f"The workspace '{workspace}' has registered no secret store '{name}'.", "See: aml secret stores"
        )

    def removed(settings: JsonObject) -> JsonObject:
        left = {key: value for key, value in _registered(settings).items() if key != name}
        kept = {key: value for key, value in settings.items() if key not in {_STORES, _DEFAULT}}
        default = settings.get(_DEFAULT)
        return {
            **kept,
            **({_STORES: left} if left else {}),
            **({_DEFAULT: default} if left and default != name else {}),
        }

    change_settings(context.store, workspace, removed)


def set_default_secret_store(context: Context, workspace: str, name: str) -> None:
    """Choose the store that secrets are set in.

    :raises NotFoundError: for a store that is not there.
    """
    open_secret_store(context, workspace, name)
    update_settings(context.store, workspace, {_DEFAULT: None if name == BUILT_IN_STORE else name})


def _registered(settings: JsonObject) -> JsonObject:
    found = settings.get(_STORES)
    return found if isinstance(found, Mapping) else {}


def _made(context: Context, type_name: str, name: str, settings: Mapping[str, Any]) -> SecretStore:
    loaded = context.plugins.load_class(SECRET_STORE_TYPES, type_name, SecretStore)
    config = checked_settings(loaded.config_model, f"a secret store of type '{type_name}'", settings)
    return loaded(name, config)
