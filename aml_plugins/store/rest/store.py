"""The whole store behind one server."""

from __future__ import annotations

from functools import lru_cache

from aml_plugins.store.rest.compute_targets import RestComputeTargets
from aml_plugins.store.rest.connection import Connection
from aml_plugins.store.rest.credentials import Address, address_of
from aml_plugins.store.rest.datastores import RestDatastores
from aml_plugins.store.rest.images import RestImages
from aml_plugins.store.rest.members import RestMembers
from aml_plugins.store.rest.provisionings import RestProvisionings
from aml_plugins.store.rest.run_logs import RestRunLogs
from aml_plugins.store.rest.runs import RestRuns
from aml_plugins.store.rest.services import RestServices
from aml_plugins.store.rest.snapshots import RestSnapshots
from aml_plugins.store.rest.tasks import RestTasks
from aml_plugins.store.rest.workspaces import RestWorkspaces

__all__ = ["RestStore", "connect"]


class RestStore:
    """Implements :class:`aml_plugins.store.interface.Store`.

    :param uri: what the caller gave, which :attr:`uri` returns unchanged; it may have a user and a password.
    :raises InvalidInputError: for a URI that names no server. Whether it answers shows with the first request.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.connection = connect(uri)
        self.workspaces = RestWorkspaces(self.connection)
        self.members = RestMembers(self.connection)
        self.compute_targets = RestComputeTargets(self.connection)
        self.provisionings = RestProvisionings(self.connection)
        self.datastores = RestDatastores(self.connection)
        self.runs = RestRuns(self.connection)
        self.run_logs = RestRunLogs(self.connection)
        self.snapshots = RestSnapshots(self.connection)
        self.tasks = RestTasks(self.connection)
        self.images = RestImages(self.connection)
        self.services = RestServices(self.connection)

    @property
    def uri(self) -> str:
        return self._uri

    def close(self) -> None:
        self.connection.close()


def connect(uri: str) -> Connection:
    """Return the process's connection to a server; the store, the run history and datastores share it."""
    return _connection(address_of(uri))


@lru_cache(maxsize=8)
def _connection(address: Address) -> Connection:
    return Connection(address)
