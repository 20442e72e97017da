"""The scoring script: loaded from its file, checked, and asked what its ``run()`` wants."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import os
import sys
from types import ModuleType
from typing import Any, Callable

from .incoming import Incoming
from .inputs import named_arguments, text_argument
from .raw_wish import is_raw_requested
from .settings import Settings

__all__ = ["Script", "ScriptError", "load_script"]

logger = logging.getLogger("azmlinfsrv.user_script")

_MODULE = "entry_module"
_ALLOWED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ScriptError(Exception):
    """The script cannot serve; the cause, where there is one, is the script's own exception."""


class Script:
    """What the server calls.

    :param arguments: from a request to ``run()``'s arguments; None where ``run()`` takes the request itself.
    """

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.init: Callable[[], Any] = module.init
        self.run: Callable[..., Any] = _behind_driver(module)
        self.run_batch: Callable[[list[str]], Any] | None = getattr(module, "run_batch", None)
        parameters = _parameters(self.run)
        self.wants_headers = len(parameters) != len(list(inspect.signature(self.run).parameters))
        self.arguments: Callable[[Incoming], dict[str, Any]] | None = None
        self.parameter = _first(parameters, wants_headers=self.wants_headers)
        self._choose(parameters)

    @property
    def is_decorated(self) -> bool:
        """Whether ``run()`` has inference-schema's decorators."""
        schemas = sys.modules.get("inference_schema.schema_util")
        return bool(schemas is not None and schemas.is_schema_decorated(self.run))

    def _choose(self, parameters: list[inspect.Parameter]) -> None:
        if is_raw_requested():
            if self.is_decorated:
                raise ScriptError("run() cannot be decorated with both @rawhttp and @input_schema")
            logger.info("run() is decorated with @rawhttp. Server will invoke it with the flask request object.")
        elif self.is_decorated:
            names = ", ".join(parameter.name for parameter in parameters)
            logger.info("run() is decorated with @input_schema. Server will invoke it with: %s.", names)
            self.arguments = named_arguments(parameters)
        else:
            logger.info("run() is not decorated. Server will invoke it with the input in JSON string.")
            self.arguments = text_argument(self.parameter)


def load_script(settings: Settings) -> Script:
    """Import the script.

    :raises ScriptError: where it cannot be imported, or lacks what it must have.
    """
    _extend_path(settings)
    try:
        module = _import_file(settings) if settings.entry_script else importlib.import_module("main")
    except BaseException as error:
        raise ScriptError("Failed to import user script because it raised an unhandled exception") from error
    for name in ("init", "run"):
        if not hasattr(module, name):
            raise ScriptError(f"User script at {module.__file__} does not have a {name}() function defined.")
    logger.info("Found user script at %s", module.__file__)
    return Script(module)


def _extend_path(settings: Settings) -> None:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    sys.path.append(settings.app_root)
    if settings.source_directory:
        sys.path.append(os.path.join(settings.app_root, settings.source_directory))


def _import_file(settings: Settings) -> ModuleType:
    path = os.path.join(settings.app_root, settings.entry_script or "")
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_MODULE]
        raise
    return module


def _behind_driver(module: ModuleType) -> Callable[..., Any]:
    """Return the script's ``run``, not that of the module which some tools put before it and which hides it."""
    hidden = getattr(module, "driver_module", None)
    if isinstance(hidden, ModuleType) and hasattr(hidden, "run"):
        run: Callable[..., Any] = hidden.run
        return run
    return module.run  # type: ignore[no-any-return]


def _parameters(run: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return what ``run()`` takes besides ``request_headers``."""
    parameters = list(inspect.signature(run).parameters.values())
    if any(parameter.kind not in _ALLOWED for parameter in parameters):
        raise ScriptError("run() cannot accept positional-only arguments, *args, or **kwargs.")
    return [parameter for parameter in parameters if parameter.name != "request_headers"]


def _first(parameters: list[inspect.Parameter], *, wants_headers: bool) -> str:
    if parameters:
        return parameters[0].name
    if wants_headers:
        raise ScriptError('run() needs to accept an argument other than "request_headers".')
    raise ScriptError("run() needs to accept an argument for input data.")
