"""What an author's code asks of a connection; called in a process of an Airflow installation."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook, Connection

from aml_airflow.address import store_uri
from aml_airflow.hooks.aml import AmlHook
from aml_plugins.errors import AmlError


def stores(connections: list[str | dict[str, Any]]) -> list[str | None]:
    """Return the store that each connection names, or the sentence that says why none."""
    return [_store(given) for given in connections]


def _store(given: str | dict[str, Any]) -> str | None:
    made = Connection.from_uri(given, conn_id="team") if isinstance(given, str) else Connection(conn_id="team", **given)
    try:
        return store_uri(made)
    except AmlError as error:
        return str(error)


def workspaces(hooks: list[dict[str, Any]]) -> list[str]:
    """Return the name of the workspace that each hook opens, or the sentence that says why none."""
    return [_workspace(given) for given in hooks]


def _workspace(given: dict[str, Any]) -> str:
    try:
        return AmlHook(**given).get_conn().name
    except AmlError as error:
        return str(error)


def test_button(connection: str) -> tuple[bool, str]:
    """Do what the button of the connection's form does."""
    hook = BaseHook.get_connection(connection).get_hook()
    assert isinstance(hook, AmlHook), hook
    return hook.test_connection()
