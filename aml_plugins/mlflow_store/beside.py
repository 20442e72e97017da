"""Our tables beside MLflow's, where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.mlflow_store.locations import is_in_memory
from aml_plugins.store.opening import open_store, plain_uri

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store

__all__ = ["open_beside"]


def open_beside(uri: str) -> Store | None:
    """Open our store in the database that a store of MLflow is opened on, and make our tables there.

    MLflow's own URI, without ``aml+``, asks for MLflow's own database: it gets none of ours, but those that are there
    are used.

    :returns: None for a database without our tables: in memory, or MLflow's own.
    :raises StoreError: where the database cannot be opened, or is of a newer schema.
    """
    if is_in_memory(uri) or (uri == plain_uri(uri) and not _has_tables(uri)):
        return None
    return open_store(uri)


def _has_tables(uri: str) -> bool:
    from aml_plugins.store.sql.schema import has_schema  # noqa: PLC0415  only for MLflow's own URIs

    return has_schema(uri)
