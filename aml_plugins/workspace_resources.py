"""The resources of a workspace: datastores, registry, secret stores and telemetry. A part of ``Workspace``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores.contract import Datastore

__all__ = ["WorkspaceResources"]


class WorkspaceResources:
    """What a workspace's runs work with. Everything here is kept by name and type; secrets are references."""

    context: Context
    name: str

    @property
    def datastores(self) -> Mapping[str, Datastore]:
        """The datastores by name, each opened when it is asked for; ``workspace-files`` is always there."""
        from aml_plugins.datastores.registering import WorkspaceDatastores  # noqa: PLC0415  pydantic models

        return WorkspaceDatastores(self.context, self.name)

    @property
    def default_datastore(self) -> Datastore:
        """Where snapshots go."""
        from aml_plugins.datastores.opening import default_datastore  # noqa: PLC0415  as above

        return default_datastore(self.context, self.name)

    def register_datastore(self, type_name: str, name: str, **settings: Any) -> Datastore:
        """Register a datastore. Nothing is asked over the network; ``check()`` of what is returned tries it.

        :param type_name: a datastore type, such as ``azure-blob``; ``aml plugins list`` shows all.
        :param settings: the type's settings; a credential is given as ``secret://STORE/NAME``.
        :raises InvalidInputError: for a wrong name or setting; nothing was written.
        """
        from aml_plugins.datastores.registering import register_datastore  # noqa: PLC0415  as above

        return register_datastore(self.context, self.name, type_name, name, settings)

    def remove_datastore(self, name: str) -> None:
        """Forget a datastore, not its files; refused while it is the default or holds snapshots."""
        from aml_plugins.datastores.registering import remove_datastore  # noqa: PLC0415  as above

        remove_datastore(self.context, self.name, name)

    def set_default_datastore(self, name: str, *, artifacts: bool | None = None) -> None:
        """Let new snapshots go to another datastore.

        :param artifacts: True for the MLflow artifacts of new experiments, too; False for MLflow's own place; None
            leaves that as it is.
        """
        from aml_plugins.datastores.registering import set_default_datastore  # noqa: PLC0415  as above

        set_default_datastore(self.context, self.name, name, artifacts=artifacts)

    @property
    def telemetry(self) -> Mapping[str, Any] | None:
        """``{"type", "config"}`` of where traces and metrics go, None where they are not collected."""
        from aml_plugins.telemetry.opening import telemetry_of  # noqa: PLC0415  pydantic models

        return telemetry_of(self.context, self.name)

    def set_telemetry(self, type_name: str | None, **settings: Any) -> None:
        """Send traces and metrics of runs somewhere, or nowhere with None.

        :param type_name: ``log-file``, ``otlp``, ``azure-monitor`` or a plugin's type.
        :raises InvalidInputError: for a wrong setting; nothing was written.
        """
        from aml_plugins.telemetry.opening import set_telemetry  # noqa: PLC0415  as above

        set_telemetry(self.context, self.name, type_name, settings)

    @property
    def container_registry(self) -> Mapping[str, Any] | None:
        """The settings of where new images are pushed to; None where they stay in the default datastore."""
        from aml_plugins.images.registry.workspace import registry_of  # noqa: PLC0415  pydantic models

        return registry_of(self.context, self.name)

    def set_container_registry(self, type_name: str | None, **settings: Any) -> None:
        """Push new images to a registry, or leave them in the default datastore with None.

        :param type_name: ``oci``, ``directory`` or a plugin's type.
        :param settings: the type's settings; a password is given as ``secret://STORE/NAME``.
        :raises InvalidInputError: for a wrong setting; nothing was written.
        """
        from aml_plugins.images.registry.workspace import set_registry  # noqa: PLC0415  as above

        set_registry(self.context, self.name, None if type_name is None else {"type": type_name, **settings})

    @property
    def secret_stores(self) -> Mapping[str, Mapping[str, Any]]:
        """The secret stores by name, each as ``{"type", "config"}``; ``env`` is always there."""
        from aml_plugins.secrets.stores import secret_stores  # noqa: PLC0415  pydantic models

        return secret_stores(self.context, self.name)

    @property
    def default_secret_store(self) -> str:
        """The name of the store that secrets are set in."""
        from aml_plugins.secrets.stores import default_secret_store  # noqa: PLC0415  as above

        return default_secret_store(self.context, self.name)

    def register_secret_store(self, type_name: str, name: str, **settings: Any) -> None:
        """Register a secret store; the first one becomes the default.

        :param type_name: ``file``, ``azure-key-vault`` or a plugin's type.
        :raises InvalidInputError: for a wrong name or setting; nothing was written.
        """
        from aml_plugins.secrets.stores import register_secret_store  # noqa: PLC0415  as above

        register_secret_store(self.context, self.name, type_name, name, settings)

    def remove_secret_store(self, name: str) -> None:
        """Forget a secret store, not its secrets."""
        from aml_plugins.secrets.stores import remove_secret_store  # noqa: PLC0415  as above

        remove_secret_store(self.context, self.name, name)

    def set_default_secret_store(self, name: str) -> None:
        """Choose the store that secrets are set in."""
        from aml_plugins.secrets.stores import set_default_secret_store  # noqa: PLC0415  as above

        set_default_secret_store(self.context, self.name, name)

    def set_secret(self, name: str, value: str, *, store: str | None = None) -> str:
        """Set a secret; return the name of the store that it is in.

        :param store: None for the workspace's default one.
        """
        from aml_plugins.secrets.managing import set_secret  # noqa: PLC0415  as above

        return set_secret(self.context, self.name, name, value, store)

    def list_secrets(self, *, store: str | None = None) -> Sequence[str]:
        """Return references to the secrets of a store, never a value."""
        from aml_plugins.secrets.managing import list_secrets  # noqa: PLC0415  as above

        return list_secrets(self.context, self.name, store)

    def delete_secret(self, name: str, *, store: str | None = None) -> str:
        """Delete a secret; return the name of the store that it was in."""
        from aml_plugins.secrets.managing import delete_secret  # noqa: PLC0415  as above

        return delete_secret(self.context, self.name, name, store)
