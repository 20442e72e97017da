"""What the core needs to work: the store, the plugins, MLflow's run history, a home directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.sightings import Sightings
from aml_plugins.compute.targets import BackendCache
from aml_plugins.home import aml_home, resolve_store_uri
from aml_plugins.plugins import Plugins, default_plugins

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.runs.history import RunHistory
    from aml_plugins.secrets import SecretSource
    from aml_plugins.secrets.kept import KeptSecrets
    from aml_plugins.store.interface import Store

__all__ = ["Context", "open_context", "open_run_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One opened store and everything around it. Cheap to pass, safe to share between threads.

    :param home: the local directory for caches, staging and local targets.
    :param open_history: how to reach MLflow's run history of a workspace; see :meth:`history`.
    :param sightings: for how long this process has seen what it drives as it is.
    """

    store: Store
    plugins: Plugins
    home: Path
    open_history: Callable[[str], RunHistory]
    backends: BackendCache = field(init=False)
    sightings: Sightings = field(default_factory=Sightings, init=False)
    _histories: dict[str, RunHistory] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Create the cache of backends that belongs to this store."""
        object.__setattr__(self, "backends", BackendCache(self))

    def history(self, workspace: str) -> RunHistory:
        """Return MLflow's run history of a workspace, opened once."""
        if workspace not in self._histories:
            self._histories[workspace] = self.open_history(workspace)
        return self._histories[workspace]

    def secrets(self, workspace: str) -> SecretSource:
        """Return what resolves the secret references of a workspace, when it is asked."""

        def resolve(reference: str) -> str:
            from aml_plugins.secrets.stores import resolve_reference  # noqa: PLC0415  secrets are the rarer case

            return resolve_reference(self, workspace, reference)

        return resolve

    def kept_secrets(self, workspace: str, store: str | None = None) -> KeptSecrets:
        """Return where secrets that we make ourselves are kept: a secret store of the workspace.

        :param store: None for the workspace's default one.
        """
        from aml_plugins.secrets.kept import KeptSecrets  # noqa: PLC0415  services alone make secrets

        return KeptSecrets(self, workspace, store)

    def datastore(self, workspace: str, name: str | None = None) -> Datastore:
        """Return a datastore of a workspace, its default one where there is no name.

        :raises NotFoundError: with the names that are there.
        """
        from aml_plugins.datastores.opening import default_name, open_datastore  # noqa: PLC0415  most need none

        return open_datastore(self, workspace, name or default_name(self, workspace))

    def close(self) -> None:
        """Close backends and the store."""
        self.backends.close()
        self.store.close()


def open_context(store_uri: str | None = None) -> Context:
    """Open the store that design.md, section 6 finds for ``store_uri``.

    :raises StoreError: where the database cannot be opened.
    """
    from aml_plugins.store.opening import open_store  # noqa: PLC0415  SQLAlchemy costs 0.2 s

    uri = resolve_store_uri(store_uri)
    home = aml_home()
    store = open_store(uri)
    return Context(
        store=store,
        plugins=default_plugins(),
        home=home,
        open_history=lambda name: open_run_history(uri, name, store),
    )


def open_run_history(uri: str, workspace: str, store: Store | None = None) -> RunHistory:
    """Open MLflow's run history of a workspace: here in this process, or behind a server.

    :param store: what the URI names, where it is open.
    """
    from aml_plugins.store.opening import is_server  # noqa: PLC0415  as above

    if is_server(uri):
        from aml_plugins.mlflow_rest.history import open_history as open_served  # noqa: PLC0415  not for databases

        return open_served(uri, workspace)
    from aml_plugins.mlflow_store.history import open_history  # noqa: PLC0415  SQLAlchemy costs 0.2 s

    return open_history(uri, workspace, store=store)
