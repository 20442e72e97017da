"""MLflow's app plugin ``aml``: ``mlflow server --app-name aml`` calls :func:`create_app` in each of its workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, InvalidInputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["create_app"]


def create_app() -> ASGIApp:
    """Return MLflow's application with ours beside it.

    :raises SystemExit: with a sentence, where the server cannot start so.
    """
    try:
        return _create()
    except AmlError as error:
        raise SystemExit(f"Error: {error}") from None


def _create() -> ASGIApp:
    if os.environ.get("_MLFLOW_SGI_NAME", "uvicorn") != "uvicorn":
        raise InvalidInputError("The app 'aml' runs on uvicorn only.", "Leave --gunicorn-opts and --waitress-opts out.")
    from aml_plugins.server.composition import compose  # noqa: PLC0415  MLflow's server costs seconds
    from aml_plugins.server.settings import ServerSettings  # noqa: PLC0415  as above

    return compose(ServerSettings.from_environment())
