"""Submit scripts to any compute from MLflow and Airflow, and bring everything back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aml_plugins._version import __version__

if TYPE_CHECKING:
    from aml_plugins.hookspecs import hookimpl

__all__ = ["__version__", "hookimpl"]

# Public names by the module that has them; imported on first use, because MLflow alone costs seconds.
_LAZY = {
    "hookimpl": "aml_plugins.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
