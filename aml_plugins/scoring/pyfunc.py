# mypy: allow-untyped-calls
# MLflow is annotated in parts.
"""An MLflow model without a scoring script: ``/invocations``, ``/ping``, ``/version``, as MLflow's own server."""

from __future__ import annotations

import logging
import os
from typing import Any, Mapping

from .answers import Answer
from .app import Route
from .calling import Caller, RunFailedError, RunTimeoutError
from .incoming import Incoming

__all__ = ["pyfunc_routes"]

logger = logging.getLogger("azmlinfsrv")

_JSON = "application/json"


class Pyfunc:
    """Answers with MLflow's own reading of requests and writing of predictions."""

    def __init__(self, path: str, caller: Caller) -> None:
        from mlflow.pyfunc import load_model, scoring_server

        os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
        self._model: Any = load_model(path)
        self._schema = self._model.metadata.get_input_schema()
        self._server: Any = scoring_server
        self._caller = caller

    def invoke(self, incoming: Incoming) -> Answer:
        """Answer one request."""
        kind = incoming.header(b"content-type") or _JSON
        try:
            result, run_ms = self._caller.call(
                self._server.invocations,
                data=incoming.body,
                content_type=kind,
                model=self._model,
                input_schema=self._schema,
            )
        except RunTimeoutError:
            return _answer(504, "Request processing time exceeded limit", _JSON)
        except RunFailedError as error:
            return _failure(error.__cause__)
        answer = _answer(result.status, result.response, result.mimetype)
        answer.run_ms = run_ms
        return answer

    def version(self, _: Incoming) -> Answer:
        """Say which MLflow this is."""
        return _answer(200, self._server.VERSION, _JSON)


def pyfunc_routes(path: str, caller: Caller) -> Mapping[str, Route]:
    """Load the model and return what answers where."""
    served = Pyfunc(path, caller)
    alive = Route(("GET",), lambda _: _answer(200, "\n", _JSON), is_open=True)
    invocations = Route(("POST",), served.invoke)
    return {
        "/invocations": invocations,
        "/score": invocations,  # where callers of services send everything
        "/ping": alive,
        "/health": alive,
        "/version": Route(("GET",), served.version, is_open=True),
    }


def _failure(error: BaseException | None) -> Answer:
    from mlflow.exceptions import MlflowException

    logger.error("Encountered Exception:", exc_info=error)
    if isinstance(error, MlflowException):
        return _answer(error.get_http_status_code(), error.serialize_as_json(), _JSON)
    return _answer(500, "Internal Server Error", "text/plain")


def _answer(status: int, text: str, kind: str) -> Answer:
    shown = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return Answer(status, [(b"content-type", shown.encode())], text.encode())
