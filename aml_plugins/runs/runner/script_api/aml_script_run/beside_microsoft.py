"""Where Microsoft's SDK is installed, it stays in charge of ``azureml.core``; only ``Run.get_context`` becomes ours.

Without this, a script whose environment lists ``azureml-core`` (many of that time do) would log into Microsoft's
offline run, and nothing would arrive.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from typing import Any

from .module_finder import install
from .run import Run
from .session import inside_a_run

THEIR_RUN = "azureml.core.run"


def search_path(ours: str) -> list[str]:
    """Return where to look for ``azureml``'s modules: Microsoft's directories first, where its core is there."""
    others = [folder for folder in _others() if os.path.abspath(folder) != os.path.abspath(ours)]
    if not any(os.path.isdir(os.path.join(folder, "core")) for folder in others):
        install()
        return [ours, *others]
    if inside_a_run() and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return [*others, ours]


def _others() -> list[str]:
    """Return all directories ``azureml`` on the path; ``pkgutil.extend_path`` would do it for 10 ms more."""
    folders = [os.path.join(folder, "azureml") for folder in dict.fromkeys(sys.path)]
    return [folder for folder in folders if os.path.isdir(folder)]


class _Finder:
    """Finds one module, as the import system would, and adds a step after its execution."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != THEIR_RUN:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # likewise
        return spec


class _Loader:
    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs

    def create_module(self, spec: Any) -> Any:
        return self._theirs.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._theirs.exec_module(module)
        their_context = module.Run.get_context.__func__

        def get_context(cls: Any, allow_offline: bool = True, *args: Any, **kwargs: Any) -> Any:
            """Return the run around this script, as AML Plugins keeps it."""
            if inside_a_run():
                return Run.get_context(allow_offline, *args, **kwargs)
            return their_context(cls, allow_offline, *args, **kwargs)

        module.Run.get_context = classmethod(get_context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._theirs, name)
