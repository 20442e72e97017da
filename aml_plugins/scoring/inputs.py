"""From a request to the arguments of ``run()``: the body as text, named values, or the request itself."""

from __future__ import annotations

import inspect
import json
from typing import Any, Callable, Dict, Sequence

from .incoming import Incoming, mime_type

__all__ = ["RefusedInputError", "is_form", "json_arguments", "named_arguments", "query_values", "text_argument"]

Arguments = Dict[str, Any]

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "application/x-url-encoded")


class RefusedInputError(Exception):
    """The request cannot be given to ``run()``: the status and the message to answer with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def text_argument(parameter: str) -> Callable[[Incoming], Arguments]:
    """For a ``run()`` without decorators: the body as text, or the query string as JSON."""

    def arguments(request: Incoming) -> Arguments:
        if request.method == "GET":
            return {parameter: json.dumps(query_values(request))}
        if request.method != "POST":
            raise RefusedInputError(405, "Method not allowed")
        try:
            return {parameter: _data(request).decode("utf-8")}
        except UnicodeDecodeError as error:
            raise RefusedInputError(400, f"Input cannot be decoded as UTF-8: {error}") from None

    return arguments


def named_arguments(parameters: Sequence[inspect.Parameter]) -> Callable[[Incoming], Arguments]:
    """For a ``run()`` with inference-schema's decorators: one value a parameter; the decorators convert them."""

    def arguments(request: Incoming) -> Arguments:
        if request.method == "GET":
            return _chosen(query_values(request), parameters)
        if request.method != "POST":
            raise RefusedInputError(405, "Method not allowed")
        return _chosen(json_arguments(request), parameters)

    return arguments


def json_arguments(request: Incoming) -> Arguments:
    """Return the JSON object in the body."""
    kind = mime_type(request.header(b"content-type"))
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RefusedInputError(415, "Expects Content-Type to be application/json")
    try:
        value = json.loads(request.body)
    except json.JSONDecodeError as error:
        if not request.body:
            raise RefusedInputError(400, "POST body is empty. Expecting a JSON dictionary.") from None
        raise RefusedInputError(400, f"POST body could not be decoded as JSON: {error}") from None
    if not isinstance(value, dict):
        raise RefusedInputError(400, "POST body should be a JSON dictionary.")
    return value


def query_values(request: Incoming) -> Arguments:
    """Return the query string's values, each read as JSON where it is JSON; a repeated name has a list."""
    values: dict[str, Any] = {}
    for name, text in request.arguments():
        values.setdefault(name, []).append(_read(text))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def is_form(content_type: str) -> bool:
    """Say whether a body of this type is a form's."""
    return mime_type(content_type) in _FORMS


def _data(request: Incoming) -> bytes:
    """Return the body, or nothing for a form: its fields are what a form has instead (Flask's rule)."""
    content_type = request.header(b"content-type")
    if content_type is None or not is_form(content_type):
        return request.body
    if mime_type(content_type) == "multipart/form-data" and "boundary=" not in content_type.lower():
        return request.body
    return b""


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _chosen(values: Arguments, parameters: Sequence[inspect.Parameter]) -> Arguments:
    chosen = {}
    for parameter in parameters:
        value = values.get(parameter.name, parameter.default)
        if value is inspect.Parameter.empty:
            raise RefusedInputError(400, f"A value is not provided for the {parameter.name!r} parameter.")
        chosen[parameter.name] = value
    return chosen
