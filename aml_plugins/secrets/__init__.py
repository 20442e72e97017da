"""Secrets by reference (design.md, 4.10): ``secret://STORE/NAME`` is kept and shown, the value used and forgotten.

``contract.py`` is the API of a secret store plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_plugins.secrets.references import REFERENCE, SecretSource, is_reference, resolve_secrets

if TYPE_CHECKING:
    from aml_plugins.secrets.contract import SecretStore, SecretStoreConfig
    from aml_plugins.secrets.stores import resolve_reference, secret_source

__all__ = [
    "REFERENCE",
    "SecretSource",
    "SecretStore",
    "SecretStoreConfig",
    "is_reference",
    "resolve_reference",
    "resolve_secrets",
    "secret_source",
]

_ELSEWHERE = {
    "SecretStore": "contract",
    "SecretStoreConfig": "contract",
    "resolve_reference": "stores",
    "secret_source": "stores",
}


def __getattr__(name: str) -> Any:
    """Import the contract on first use: to recognise a reference needs no pydantic."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  see above

    return getattr(import_module(f"aml_plugins.secrets.{_ELSEWHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
