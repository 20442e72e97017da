"""Requests for ``@rawhttp`` scripts, and the responses that scripts return: Flask's where it is installed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Iterator

from .answers import Answer
from .incoming import Incoming
from .plain_request import PlainRequest
from .plain_response import PlainResponse

__all__ = ["FlaskBridge", "answer_of_response", "flask_bridge", "is_response"]

_FAILED = b"x-ms-run-function-failed"
_SERVER_ERRORS = 500
_FINAL = range(200, 600)


class FlaskBridge:
    """Flask's request of a request of ours, with the context that ``flask.request`` and ``jsonify`` look for."""

    def __init__(self) -> None:
        import flask

        self._app = flask.Flask("aml_scoring")
        # As scripts find it in request.endpoint and request.url_rule.
        self._app.add_url_rule("/score", "main.handle_score", methods=["GET", "POST", "OPTIONS"])

    @contextmanager
    def request(self, incoming: Incoming) -> Iterator[Any]:
        """Yield the request; within the block it is also ``flask.request``."""
        import flask

        with self._app.request_context(environment_of(incoming)):
            yield flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  documented by Flask


class _PlainBridge:
    """The same without Flask."""

    @contextmanager
    def request(self, incoming: Incoming) -> Iterator[PlainRequest]:
        yield PlainRequest(incoming)


def flask_bridge(*, needed: bool) -> FlaskBridge | _PlainBridge | None:
    """Return what makes requests.

    :param needed: ``run()`` takes the request; else None where the script has nothing to do with Flask.
    """
    if "flask" in sys.modules:
        return FlaskBridge()
    return _PlainBridge() if needed else None


def is_response(value: object) -> bool:
    """Say whether a script returned a whole response."""
    if isinstance(value, PlainResponse):
        return True
    flask = sys.modules.get("flask")
    return flask is not None and isinstance(value, flask.Response)


def answer_of_response(response: Any, incoming: Incoming) -> Answer:
    """Take over a response as it is; one with a server error is marked as a failed run.

    :raises ValueError: for a status that ends no request.
    """
    if isinstance(response, PlainResponse):
        status, headers = response.status_code, response.headers.items()
        body = b"".join(response.chunks())
    else:
        # The body of an answer to HEAD is left out later, when its length is known.
        method = "GET" if incoming.method == "HEAD" else incoming.method
        environment = {**environment_of(incoming), "REQUEST_METHOD": method}
        chunks, status_line, headers = response.get_wsgi_response(environment)
        body = b"".join(chunks)
        status = int(status_line.split(" ", 1)[0])
    if status not in _FINAL:
        raise ValueError(f"A response cannot have the status {status}.")
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    answer = Answer(status, [pair for pair in pairs if pair[0] not in _OURS], body)
    answer.is_foreign = True
    if status >= _SERVER_ERRORS:
        answer.set(_FAILED, b"True")
    return answer


_OURS = frozenset({b"content-length", b"transfer-encoding", b"connection"})


def environment_of(incoming: Incoming) -> dict[str, Any]:
    """Return the request as WSGI describes one."""
    scope = incoming.scope
    server: list[Any] = list(scope.get("server") or ("localhost", 80))
    client: list[Any] | None = scope.get("client")
    environment: dict[str, Any] = {
        "REQUEST_METHOD": incoming.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": incoming.path.encode().decode("latin-1"),
        "QUERY_STRING": incoming.query.decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(incoming.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in incoming.named_headers().items():
        key = name.upper().replace("-", "_")
        environment[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    if "CONTENT_LENGTH" not in environment and incoming.body:
        environment["CONTENT_LENGTH"] = str(len(incoming.body))
    return environment
