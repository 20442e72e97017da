"""What all sensors have: the fields that name a workspace, and waiting in the triggerer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.address import DEFAULT_CONNECTION
from aml_airflow.in_workspace import ADDRESS_FIELDS, DEFERRABLE, InWorkspace

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

__all__ = ["ADDRESS_FIELDS", "AmlBaseSensor"]


class AmlBaseSensor(InWorkspace, BaseSensorOperator):
    """Waits for something in a workspace. Killing it changes nothing there.

    :param aml_conn_id: a connection of the type ``aml``; where there is no ``aml_default``, the environment names store
        and workspace. (templated)
    :param workspace: a workspace, in place of the connection's. (templated)
    :param store: a store's URI without a password, in place of the connection's. (templated)
    :param deferrable: wait in the triggerer, which looks for all tasks of a workspace at once.
    """

    template_fields: Sequence[str] = ADDRESS_FIELDS
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        aml_conn_id: str = DEFAULT_CONNECTION,
        workspace: str | None = None,
        store: str | None = None,
        deferrable: bool = DEFERRABLE,
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.aml_conn_id = aml_conn_id
        self.workspace = workspace
        self.store = store
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look once; then go on in the triggerer, or here."""
        if not self.deferrable:
            return super().execute(context)
        seen = self.poke(context)
        return seen.xcom_value if seen else self._defer()

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        raise NotImplementedError

    def trigger(self) -> BaseTrigger:
        """Return what waits in the triggerer."""
        raise NotImplementedError

    def _defer(self) -> NoReturn:
        self.defer(trigger=self.trigger(), method_name="execute_complete", timeout=self.timeout)
