"""``/score`` and ``/swagger.json``: what a scoring script serves."""

from __future__ import annotations

import logging
from typing import Any, Mapping

from .answers import Answer, error_answer, json_answer, text_answer
from .app import Route
from .batching import Batches, Connections, open_batches
from .calling import Caller, RunFailedError, RunTimeoutError
from .incoming import Incoming
from .inputs import RefusedInputError
from .raw_http import answer_of_response, flask_bridge, is_response
from .script import Script
from .settings import Settings
from .swagger import Swagger

__all__ = ["Scoring", "scoring_routes"]

logger = logging.getLogger("azmlinfsrv")

_RUN_MS = b"x-ms-run-fn-exec-ms"
_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."


class Scoring:
    """Calls ``run()`` for requests.

    :param batches: what calls ``run_batch()`` instead, for :meth:`score_batched`.
    """

    def __init__(self, settings: Settings, script: Script, caller: Caller, batches: Batches | None) -> None:
        self._timeout_ms = settings.timeout_ms
        self._script = script
        self._caller = caller
        self._bridge = flask_bridge(needed=script.arguments is None)
        self._batches = batches

    def score(self, incoming: Incoming) -> Answer:
        """Answer one request."""
        if incoming.method not in ("GET", "POST") and self._script.arguments is not None:
            return _no_input(incoming)
        try:
            result, run_ms = self._run(incoming)
        except (RunTimeoutError, RunFailedError) as error:
            return self._failure(error)
        return _with_time(_encoded(result, incoming), run_ms)

    async def score_batched(self, incoming: Incoming) -> Answer:
        """Answer one request together with others that come in the same moment."""
        if incoming.method not in ("GET", "POST") or self._batches is None or self._script.arguments is None:
            return _no_input(incoming)
        text = self._script.arguments(incoming)[self._script.parameter]
        try:
            result, run_ms = await self._batches.run(text)
        except (RunTimeoutError, RunFailedError) as error:
            return self._failure(error)
        return _with_time(_encoded(result, incoming), run_ms)

    def _run(self, incoming: Incoming) -> tuple[Any, float]:
        script = self._script
        extra: dict[str, Any] = {"request_headers": incoming.named_headers()} if script.wants_headers else {}
        if self._bridge is None:
            return self._caller.call(script.run, **script.arguments(incoming), **extra)  # type: ignore[misc]
        with self._bridge.request(incoming) as request:
            given = {script.parameter: request} if script.arguments is None else script.arguments(incoming)
            return self._caller.call(script.run, **given, **extra)

    def _failure(self, error: Exception) -> Answer:
        logger.error("Encountered Exception:", exc_info=error)
        if isinstance(error, RunTimeoutError):
            return error_answer(500, f"Scoring timeout after {self._timeout_ms} ms", run_failed=True)
        return error_answer(500, _FAILED, run_failed=True)


def scoring_routes(settings: Settings, script: Script, caller: Caller, connections: Connections) -> Mapping[str, Route]:
    """Return what answers where."""
    batches = open_batches(settings, script, caller, connections)
    scoring = Scoring(settings, script, caller, batches)
    swagger = Swagger(settings, script)
    methods = ("GET", "HEAD", "POST", "OPTIONS")
    score = Route(methods, scoring.score if batches is None else scoring.score_batched)
    return {"/score": score, "/swagger.json": Route(("GET", "HEAD"), lambda request: _swagger(swagger, request))}


def _swagger(swagger: Swagger, incoming: Incoming) -> Answer:
    versions = [value for name, value in incoming.arguments() if name == "version"]
    return swagger.answer(versions[0] if versions else None)


def _no_input(incoming: Incoming) -> Answer:
    if incoming.method == "OPTIONS":
        return text_answer("", flagged=True)
    raise RefusedInputError(405, "Method not allowed")


def _encoded(result: Any, incoming: Incoming) -> Answer:
    if is_response(result):
        logger.info("run() output is HTTP Response")
        return answer_of_response(result, incoming)
    return json_answer(result)


def _with_time(answer: Answer, run_ms: float) -> Answer:
    answer.headers.append((_RUN_MS, f"{run_ms:.3f}".encode()))
    answer.run_ms = run_ms
    return answer
