"""From an Airflow connection to a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.address import DEFAULT_CONNECTION, Address
from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["AmlHook"]


class AmlHook(BaseHook):
    """A workspace, found by a connection of the type ``aml``.

    The connection has: as host the server (``https://mlflow.example.com``) or a database
    (``aml+postgresql://db.example.com/mlflow``); login and password for it; and in its extra the ``workspace``. Without
    a connection ``aml_default``, store and workspace are those of the environment.

    :param aml_conn_id: the connection.
    :param workspace: a workspace, in place of the connection's.
    :param store: a store's URI without a password, in place of the connection's.
    """

    conn_name_attr = "aml_conn_id"
    default_conn_name = DEFAULT_CONNECTION
    conn_type = "aml"
    hook_name = "Azure ML Plugins workspace"

    def __init__(
        self, aml_conn_id: str = DEFAULT_CONNECTION, *, workspace: str | None = None, store: str | None = None
    ) -> None:
        super().__init__()
        self.address = Address(aml_conn_id=aml_conn_id, workspace=workspace, store=store)

    def get_conn(self) -> Workspace:
        """Open the workspace.

        :raises NotFoundError: where connection or workspace are not there.
        """
        return self.address.open()

    def test_connection(self) -> tuple[bool, str]:
        """Ask the store for the workspace; say whether it answers, and in one sentence what."""
        try:
            workspace = self.get_conn()
            try:
                count = len(workspace.compute_targets)
            finally:
                workspace.close()
        except AmlError as error:
            return False, str(error)
        targets = "one compute target" if count == 1 else f"{count} compute targets"
        return True, f"The workspace '{workspace.name}' is there, with {targets}."
