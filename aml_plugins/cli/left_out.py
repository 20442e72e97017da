"""What libraries import at their start and no command of ours needs: a stand-in until somebody does."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from os.path import isfile
from types import ModuleType

__all__ = ["leave_out"]


def leave_out() -> None:
    """Spare a command some imports.

    - pydantic's search for its plugins in all distributions: they are for applications' logs. The variable
      PYDANTIC_DISABLE_PLUGINS would reach the processes that a command starts, users' scripts among them.
    - urllib3's HTTP/2, which nobody switches on here: for its version it imports ``importlib.metadata``.
    """
    _stand_in("pydantic.plugin._loader", get_plugins=tuple)
    urllib3 = PathFinder.find_spec("urllib3")
    for folder in (urllib3 and urllib3.submodule_search_locations) or ():
        _stand_in("urllib3.http2", __path__=[f"{folder}/http2"])


def _stand_in(name: str, **has: object) -> None:
    module = ModuleType(name)

    def really(attribute: str) -> object:
        """Whatever else a release of tomorrow wants of it, the module itself has."""
        if attribute.startswith("__") or any(
            isfile(f"{path}/{attribute}.py")  # noqa: PTH113  this is about imports
            for path in _folders(has)
        ):
            raise AttributeError(attribute)  # a module below it is found as ever
        from importlib import import_module

        del sys.modules[name]
        return getattr(import_module(name), attribute)

    vars(module).update(has, __getattr__=really)
    sys.modules.setdefault(name, module)


def _folders(has: dict[str, object]) -> list[str]:
    found = has.get("__path__")
    return found if isinstance(found, list) else []
