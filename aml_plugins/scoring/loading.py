"""What a worker serves: the script or the model is loaded, ``init()`` is called, the routes are made."""

from __future__ import annotations

import logging
import os
from typing import Mapping

from . import azure_modules
from .app import Route
from .batching import Connections
from .calling import Caller
from .frames import install_frames
from .script import ScriptError, load_script
from .settings import Settings

__all__ = ["load_routes"]

logger = logging.getLogger("azmlinfsrv")

_TREE_LINES = 200


def load_routes(settings: Settings, caller: Caller, connections: Connections) -> Mapping[str, Route] | None:
    """Load the script or the model and call ``init()``; None, with the reason in the log, where that fails."""
    azure_modules.install()
    if settings.entry_script is None and settings.mlflow_model:
        if settings.batch_size > 1:
            logger.warning("AML_SCORING_BATCH_SIZE is for scripts with run_batch(): the model is asked one by one.")
        return _model_routes(settings.mlflow_model, caller)
    from .scoring_routes import scoring_routes

    try:
        script = load_script(settings)
    except ScriptError as error:
        logger.error("%s", error, exc_info=error.__cause__ or error)  # noqa: TRY400  the cause says it
        return None
    install_frames()
    logger.info("Invoking user's init function")
    try:
        script.init()
    except BaseException:
        logger.exception("User's init function failed")
        _show_models(settings.model_dir)
        return None
    logger.info("Users's init has completed successfully")
    try:
        return scoring_routes(settings, script, caller, connections)
    except Exception:
        logger.exception("The service cannot be described:")
        return None


def _model_routes(path: str, caller: Caller) -> Mapping[str, Route] | None:
    from .pyfunc import pyfunc_routes

    try:
        return pyfunc_routes(path, caller)
    except BaseException:
        logger.exception("The model cannot be loaded")
        return None


def _show_models(directory: str) -> None:
    """Log what the models' directory has: a wrong path is why most ``init()`` fail."""
    if not directory or not os.path.isdir(directory):
        return
    logger.info("Model Directory Contents:")
    lines = 0
    for folder, _, files in os.walk(directory):
        for name in sorted(files):
            lines += 1
            if lines > _TREE_LINES:
                logger.info("Output Truncated. First %s lines shown.", _TREE_LINES)
                return
            logger.info("%s", os.path.relpath(os.path.join(folder, name), directory))
