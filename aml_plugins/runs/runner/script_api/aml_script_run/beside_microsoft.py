"""Where Microsoft's SDK is installed, it stays in charge of ``azureml.core``; only ``Run.get_context`` becomes ours.

Without this, a script whose environment lists ``azureml-core`` (many of that time do) would log into Microsoft's
offline run, and nothing would arrive.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Sequence

from .run import Run
from .session import inside_a_run

THEIR_RUN = "azureml.core.run"


def order(path: list[str], ours: str) -> list[str]:
    """Return where to look for ``azureml``'s modules: Microsoft's directories first, where its core is there."""
    others = [folder for folder in path if os.path.abspath(folder) != os.path.abspath(ours)]
    if not any(os.path.isdir(os.path.join(folder, "core")) for folder in others):
        return [ours, *others]
    if inside_a_run() and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return [*others, ours]


class _Finder(MetaPathFinder):
    """Finds one module, as the import system would, and adds a step after its execution."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != THEIR_RUN:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._theirs.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
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
