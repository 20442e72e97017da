"""The modules of Azure ML that scoring scripts import, found without Microsoft's packages.

``AMLRequest``, ``AMLResponse`` and ``rawhttp`` are always ours: they have to be this server's. ``azureml.core.model``
is ours only where azureml-core is not installed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["install"]

_ALWAYS = {
    "azureml.contrib.services.aml_request": ".aml_request",
    "azureml.contrib.services.aml_response": ".aml_response",
    "azureml_inference_server_http.api.aml_request": ".aml_request",
    "azureml_inference_server_http.api.aml_response": ".aml_response",
}
_OTHERWISE = {"azureml.core.model": ".model_paths", "azureml.core": ".model_paths"}
_PARENTS = ("azureml", "azureml.contrib", "azureml.contrib.services")
_SERVER = ("azureml_inference_server_http", "azureml_inference_server_http.api")


class _Loader(Loader):
    def __init__(self, ours: str | None) -> None:
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty package, or one that has what our module has."""
        module = ModuleType(spec.name)
        module.__path__ = []
        if self._ours is not None:
            source = import_module(self._ours, __package__)
            names = [name for name in vars(source) if not name.startswith("__")]
            vars(module).update({name: getattr(source, name) for name in names})
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


class _Finder(MetaPathFinder):
    def __init__(self, names: dict[str, str | None]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        if fullname not in self._names:
            return None
        return ModuleSpec(fullname, _Loader(self._names[fullname]), is_package=True)


def install() -> None:
    """Make the modules importable in this process; safe to repeat."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder(dict(_ALWAYS)))
    sys.meta_path.append(_Finder({**dict.fromkeys((*_PARENTS, *_SERVER)), **_OTHERWISE}))
