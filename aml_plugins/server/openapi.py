"""The OpenAPI document, with what FastAPI does not see: headers of requests, and how callers prove who they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

__all__ = ["completed"]

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same request under the same key is done once.",
}
_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The ETag of what was read; the change is refused where it was changed since.",
}
_NEW = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string", "enum": ["*"]},
    "description": "Write only what is not there yet.",
}
_MUST_MATCH = {**_MATCH, "required": True}
_HEADERS: Mapping[str, list[dict[str, Any]]] = {
    "create_workspace": [_KEY],
    "attach_compute_target": [_KEY],
    "register_datastore": [_KEY],
    "add_run": [_KEY],
    "write_task": [_KEY],
    "register_model": [_KEY],
    "change_compute_target": [_MATCH],
    "write_workspace_settings": [_MATCH, _NEW],
    "save_run": [_MUST_MATCH],
    "add_image": [_KEY],
    "save_image": [_MUST_MATCH],
    "add_service": [_KEY],
    "request_service": [_MUST_MATCH],
    "save_service": [_MUST_MATCH],
    "add_provisioning": [_KEY],
    "request_provisioning": [_MUST_MATCH],
    "save_provisioning": [_MUST_MATCH],
}
_TAG = {
    "ETag": {"schema": {"type": "string"}, "description": "The state that was read, for If-Match."},
}
_TAGGED = frozenset(
    {
        *("show_workspace", "write_workspace_settings"),
        *("attach_compute_target", "show_compute_target", "change_compute_target"),
        *("register_datastore", "show_datastore"),
        *("add_run", "find_run", "show_run", "save_run", "cancel_run"),
        *("add_image", "show_newest_image", "show_image", "save_image"),
        *("add_service", "show_service", "request_service", "save_service"),
        *("add_provisioning", "show_provisioning", "request_provisioning", "save_provisioning"),
    }
)
_SCHEMES = {
    "basic": {"type": "http", "scheme": "basic", "description": "A user of MLflow."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Where MLflow's authorization function takes tokens.",
    },
}


def completed(api: FastAPI) -> dict[str, Any]:
    """Return the application's document; a server without authentication asks for no proof."""
    if api.openapi_schema is None:
        document = FastAPI.openapi(api)
        document["components"]["securitySchemes"] = _SCHEMES
        document["security"] = [{}, {"basic": []}, {"bearer": []}]
        for operation in _operations(document):
            operation.setdefault("parameters", []).extend(_HEADERS.get(operation["operationId"], []))
            if operation["operationId"] in _TAGGED:
                _success(operation)["headers"] = _TAG
        api.openapi_schema = document
    return api.openapi_schema


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _success(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer that is no refusal."""
    found: dict[str, Any] = next(answer for code, answer in operation["responses"].items() if code.startswith("2"))
    return found
