"""The modules of Azure ML that scoring scripts import, found without Microsoft's packages.

``AMLRequest``, ``AMLResponse`` and ``rawhttp`` are always ours: they have to be this server's. All others are ours only
where Microsoft's package is not installed.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .absent import absent

__all__ = ["install"]

_ALWAYS = {
    "azureml.contrib.services.aml_request": ".aml_request",
    "azureml.contrib.services.aml_response": ".aml_response",
    "azureml_inference_server_http.api.aml_request": ".aml_request",
    "azureml_inference_server_http.api.aml_response": ".aml_response",
}
_CORE, _EXCEPTIONS = "azureml.core", "azureml.exceptions"
_OTHERWISE = {
    _CORE: ".azure_core",
    _EXCEPTIONS: ".azure_core",
    "azureml.core.model": ".model_paths",
    "azureml.core.run": ".offline_run",
    "azureml.contrib.services": ".raw_wish",
    "azureml.monitoring": ".collectors",
    "azureml.monitoring.modeldatacollector": ".collectors",
    "azureml.ai.monitoring": ".collectors",
    "azureml.ai.monitoring.context": ".collectors",
}
_PARENTS = ("azureml", "azureml.contrib", "azureml.ai")
_SERVER = ("azureml_inference_server_http", "azureml_inference_server_http.api")


class _Loader(Loader):
    """Makes a package out of a module of ours.

    :param stands_in: for all of azureml-core: names that it has and we have not can be imported too.
    """

    def __init__(self, ours: str | None, *, stands_in: bool = False) -> None:
        self._ours = ours
        self._stands_in = stands_in

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty package, or one that has what our module has."""
        module = ModuleType(spec.name)
        module.__path__ = []
        if self._ours is not None:
            source = import_module(self._ours, __package__)
            names = [name for name in vars(source) if not name.startswith("__")]
            vars(module).update({name: getattr(source, name) for name in names})
        if self._stands_in:
            vars(module)["__getattr__"] = partial(absent, spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


class _Finder(MetaPathFinder):
    """Finds modules by their names, and, where it comes last, whatever else a script wants of azureml-core."""

    def __init__(self, names: dict[str, str | None], *, comes_last: bool = False) -> None:
        self._names = names
        self._comes_last = comes_last

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        if fullname not in self._names and not (self._comes_last and _is_of_our_core(fullname)):
            return None
        stands_in = fullname in (_CORE, _EXCEPTIONS) or fullname.startswith(f"{_CORE}.")
        return ModuleSpec(fullname, _Loader(self._names.get(fullname), stands_in=stands_in), is_package=True)


def _is_of_our_core(fullname: str) -> bool:
    """Whether a module is one of azureml-core's, and azureml-core is not here."""
    core = getattr(sys.modules.get(_CORE), "__spec__", None)
    return fullname.startswith(f"{_CORE}.") and isinstance(getattr(core, "loader", None), _Loader)


def install() -> None:
    """Make the modules importable in this process; safe to repeat."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder(dict(_ALWAYS)))
    sys.meta_path.append(_Finder({**dict.fromkeys((*_PARENTS, *_SERVER)), **_OTHERWISE}, comes_last=True))
