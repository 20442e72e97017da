"""What all operators have: a workspace, and errors in Airflow's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf  # noqa: TID253  a leaf that Airflow loads
from airflow.sdk import BaseOperator  # noqa: TID253  as above

from aml_airflow.address import DEFAULT_CONNECTION, Address
from aml_airflow.failures import in_airflows_words

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["ADDRESS_FIELDS", "DEFERRABLE", "AmlBaseOperator"]

ADDRESS_FIELDS = ("aml_conn_id", "workspace", "store")
DEFERRABLE: bool = conf.getboolean("operators", "default_deferrable", fallback=False)
"""Airflow's default for ``deferrable``."""


class AmlBaseOperator(BaseOperator):
    """An operator that works in a workspace.

    :param aml_conn_id: a connection of the type ``aml``; where there is no ``aml_default``, the environment names store
        and workspace. (templated)
    :param workspace: a workspace, in place of the connection's. (templated)
    :param store: a store's URI without a password, in place of the connection's. (templated)
    """

    template_fields: Sequence[str] = ADDRESS_FIELDS
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        aml_conn_id: str = DEFAULT_CONNECTION,
        workspace: str | None = None,
        store: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aml_conn_id = aml_conn_id
        self.workspace = workspace
        self.store = store

    @property
    def address(self) -> Address:
        """The workspace, by names alone."""
        return Address(aml_conn_id=self.aml_conn_id, workspace=self.workspace, store=self.store)

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        """Open the workspace for a while; errors meanwhile are said in Airflow's words."""
        with in_airflows_words():
            workspace = self.address.open()
            try:
                yield workspace
            finally:
                workspace.close()
