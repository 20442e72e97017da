"""Names of azureml-core that a web service has no use for: they can be imported, and say what they need once used.

Scripts of Azure ML often import ``Workspace`` or ``Run`` beside ``Model`` and never touch them. Where azureml-core is
installed, the names are its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["AbsentError", "absent", "absent_error"]


class AbsentError(ImportError):
    """A name of azureml-core was used where azureml-core is not installed."""


class _AbsentType(type):
    """The type of stand-ins: any use but a type annotation or ``isinstance`` is refused."""

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise _error(cls)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _error(cls)


def absent(module: str, name: str) -> Any:
    """Return a stand-in for a name of a module: a class; for an exception's name one that ``except`` takes.

    :raises AttributeError: for names that Python and its tools look for.
    """
    if name.startswith("_"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return absent_error(name) if name.endswith(("Exception", "Error")) else _stand_in(name)


@lru_cache(maxsize=None)
def absent_error(name: str) -> type[Exception]:
    """Return an exception that nothing here raises: one for each name."""
    return type(name, (Exception,), {"__module__": "azureml.exceptions"})


@lru_cache(maxsize=None)
def _stand_in(name: str) -> type:
    return _AbsentType(name, (), {"__module__": "azureml.core"})


def _error(cls: type) -> AbsentError:
    needed = f"{cls.__module__}.{cls.__name__}"
    return AbsentError(f"The script uses {needed}: add azureml-core to its environment, or leave {cls.__name__} out.")
