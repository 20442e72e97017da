"""What operators and sensors have in common: a workspace, and errors in Airflow's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.configuration import conf  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.address import Address
from aml_airflow.failures import in_airflows_words

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["ADDRESS_FIELDS", "DEFERRABLE", "InWorkspace"]

ADDRESS_FIELDS = ("aml_conn_id", "workspace", "store")
DEFERRABLE: bool = conf.getboolean("operators", "default_deferrable", fallback=False)
"""Airflow's default for ``deferrable``."""


class InWorkspace:
    """A task that works in a workspace; the constructor of who inherits sets the fields."""

    aml_conn_id: str
    workspace: str | None
    store: str | None

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
