"""Named storage locations; ``contract.py`` is the API of a datastore plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore, DatastoreConfig

__all__ = ["Datastore", "DatastoreConfig"]


def __getattr__(name: str) -> Any:
    """Import the contract on first use: describing datastores needs no pydantic."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aml_plugins.datastores import contract  # noqa: PLC0415  see above

    return getattr(contract, name)


def __dir__() -> list[str]:
    return sorted(__all__)
