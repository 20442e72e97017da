"""The whole store on one database."""

from __future__ import annotations

from aml_plugins.store.sql.compute_targets import SqlComputeTargets
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.datastores import SqlDatastores
from aml_plugins.store.sql.images import SqlImages
from aml_plugins.store.sql.members import SqlMembers
from aml_plugins.store.sql.provisionings import SqlProvisionings
from aml_plugins.store.sql.requests import SqlRequests
from aml_plugins.store.sql.runs import SqlRuns
from aml_plugins.store.sql.schema import ensure_schema
from aml_plugins.store.sql.services import SqlServices
from aml_plugins.store.sql.snapshots import SqlSnapshots
from aml_plugins.store.sql.tasks import SqlTasks
from aml_plugins.store.sql.workspaces import SqlWorkspaces

__all__ = ["SqlStore"]


class SqlStore:
    """Implements :class:`aml_plugins.store.interface.Store`; ``requests`` is the server's alone.

    :param uri: what the caller gave, which :attr:`uri` returns unchanged.
    :param plain: the same without ``aml+``.
    :raises StoreError: where the database cannot be opened or is of a newer schema.
    """

    def __init__(self, uri: str, plain: str) -> None:
        self._uri = uri
        self._database = Database(database_url(plain))
        try:
            ensure_schema(self._database)
        except BaseException:
            self._database.close()
            raise
        self.workspaces = SqlWorkspaces(self._database)
        self.members = SqlMembers()
        self.compute_targets = SqlComputeTargets(self._database)
        self.provisionings = SqlProvisionings(self._database)
        self.datastores = SqlDatastores(self._database)
        self.runs = SqlRuns(self._database)
        self.snapshots = SqlSnapshots(self._database)
        self.tasks = SqlTasks(self._database)
        self.requests = SqlRequests(self._database)
        self.images = SqlImages(self._database)
        self.services = SqlServices(self._database)

    @property
    def uri(self) -> str:
        return self._uri

    @property
    def database(self) -> Database:
        """The database, for those that read it in their own way: the server's read models."""
        return self._database

    def close(self) -> None:
        self._database.close()
