"""What all sensors have: a workspace, and errors in Airflow's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.configuration import conf  # noqa: TID253  a leaf that Airflow loads
from airflow.sdk import BaseSensorOperator, PokeReturnValue  # noqa: TID253  as above

from aml_airflow.address import DEFAULT_CONNECTION, Address
from aml_airflow.failures import in_airflows_words

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from aml_plugins import Workspace

__all__ = ["ADDRESS_FIELDS", "AmlBaseSensor"]

ADDRESS_FIELDS = ("aml_conn_id", "workspace", "store")
DEFERRABLE: bool = conf.getboolean("operators", "default_deferrable", fallback=False)


class AmlBaseSensor(BaseSensorOperator):
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
