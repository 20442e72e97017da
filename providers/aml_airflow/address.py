"""Which workspace a task works in: an Airflow connection, or what the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aml_plugins.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from aml_plugins import Workspace

__all__ = ["DEFAULT_CONNECTION", "Address", "server_url", "store_uri"]

DEFAULT_CONNECTION = "aml_default"
"""This one may be missing: store and workspace are then found as everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A workspace, by names alone: it can be written down anywhere, for it has no secret.

    :param aml_conn_id: an Airflow connection of the type ``aml``.
    :param workspace: None for the connection's, or else the environment's.
    :param store: a store's URI without a password, in place of the connection's.
    """

    aml_conn_id: str = DEFAULT_CONNECTION
    workspace: str | None = None
    store: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is not the default."""
        return {name: value for name, value in asdict(self).items() if value not in (None, DEFAULT_CONNECTION)}

    def open(self) -> Workspace:
        """Open the workspace; in a task, not in the triggerer's event loop.

        :raises NotFoundError: where connection or workspace are not there.
        """
        return self.open_by(self.connection())

    def open_by(self, connection: Connection | None) -> Workspace:
        """Open the workspace that a connection leads to; None for none."""
        from aml_plugins import Workspace  # noqa: PLC0415  DAG files are parsed without it

        _check_store(self.store)
        extra = _extra(connection)
        uri = self.store or (store_uri(connection) if connection is not None else None)
        return Workspace.get(self.workspace or extra.get("workspace") or None, store=uri)

    def connection(self) -> Connection | None:
        """Return the connection, None where the default one is not there."""
        from airflow.sdk import BaseHook

        from aml_airflow.airflow_errors import AirflowNotFoundException  # noqa: PLC0415  it loads Airflow

        try:
            return BaseHook.get_connection(self.aml_conn_id)
        except AirflowNotFoundException:
            self._check_optional()
            return None

    async def aconnection(self) -> Connection | None:
        """Return the connection as :meth:`connection` does, in the triggerer's event loop."""
        from airflow.sdk import BaseHook

        from aml_airflow.airflow_errors import AirflowNotFoundException  # noqa: PLC0415  it loads Airflow

        try:
            return await BaseHook.aget_connection(self.aml_conn_id)
        except AirflowNotFoundException:
            self._check_optional()
            return None

    def _check_optional(self) -> None:
        if self.aml_conn_id != DEFAULT_CONNECTION:
            raise NotFoundError(
                f"There is no Airflow connection '{self.aml_conn_id}'.",
                f"Make one: airflow connections add {self.aml_conn_id} --conn-type aml --conn-host STORE",
            )


def store_uri(connection: Connection) -> str | None:
    """Return the store that a connection names, with its user and password; None where it names none.

    The host is a server's name or address, or the URI of a database.

    :raises InvalidInputError: where a password stands in the host, which Airflow shows to everybody.
    """
    host = (connection.host or "").strip()
    if not host:
        return None
    if "://" not in host:
        host = f"{connection.schema or 'http'}://{host}"
    scheme, _, rest = host.partition("://")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise InvalidInputError(
            f"The host of the connection '{connection.conn_id}' has a user in it.",
            "Put user and password into the fields of their own.",
        )
    if not authority:
        return host
    port = f":{connection.port}" if connection.port and ":" not in authority else ""
    return f"{scheme}://{_user(connection)}{authority}{port}{slash}{path}"


def server_url(connection: Connection | None) -> str | None:
    """Return the address under which people open the server, where the connection has another one for them."""
    found = _extra(connection).get("server_url")
    return str(found) if found else None


def _user(connection: Connection) -> str:
    if not connection.login:
        return ""
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    return f"{quote(connection.login, safe='')}{password}@"


def _extra(connection: Connection | None) -> Mapping[str, Any]:
    return connection.extra_dejson if connection is not None else {}


def _check_store(store: str | None) -> None:
    from aml_plugins.store.opening import has_password  # noqa: PLC0415  DAG files are parsed without it

    if store is not None and has_password(store):
        raise InvalidInputError(
            "The store's URI has a password in it, and Airflow keeps arguments of tasks in its database.",
            "Put both into a connection of the type 'aml', and name that: aml_conn_id=…",
        )
