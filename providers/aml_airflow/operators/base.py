"""What all operators have: the fields that name a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.address import DEFAULT_CONNECTION
from aml_airflow.in_workspace import ADDRESS_FIELDS, DEFERRABLE, InWorkspace

__all__ = ["ADDRESS_FIELDS", "DEFERRABLE", "AmlBaseOperator"]


class AmlBaseOperator(InWorkspace, BaseOperator):
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
