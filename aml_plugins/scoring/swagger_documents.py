"""The two forms of an API description, with the operations that Azure ML's services have."""

from __future__ import annotations

from typing import Any, Dict

__all__ = ["openapi_3", "swagger_2"]

Document = Dict[str, Any]

_ALIVE = "Says whether the service lives."
_ALIVE_YES = "The service lives; the body is 'Healthy'."
_SCORE = "Calls the model and returns what it predicts."
_SCORED = "The prediction."
_SPECIFICATION = "Returns this description."
_FAILED = "The service could not do it."
_BEARER = {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer KEY"}
_ERROR: Document = {"type": "object", "properties": {"message": {"type": "string"}}}
_INPUT = "The input of the model."


def swagger_2(name: str, version: str, prefix: str, given: Document, returned: Document) -> Document:
    """Return a Swagger 2.0 document."""
    base = _base(prefix)
    failed = {"description": _FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}}
    healthy = {"description": _ALIVE_YES, "schema": {"type": "string"}, "examples": {"application/json": "Healthy"}}
    scored = {"description": _SCORED, "schema": {"$ref": "#/definitions/ServiceOutput"}}
    text = {"description": _SPECIFICATION, "schema": {"type": "string"}}
    payload = {
        "name": "serviceInputPayload",
        "in": "body",
        "description": _INPUT,
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    chosen = {"name": "version", "in": "query", "required": False, "type": "integer", "enum": [2, 3]}
    return {
        "swagger": "2.0",
        "info": _info(name, version),
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": _BEARER},
        "paths": {
            f"{base}/": {"get": _operation("ServiceHealthCheck", _ALIVE, healthy, failed)},
            f"{base}/score": {
                "post": {
                    **_operation("RunMLService", _SCORE, scored, failed),
                    "security": [{"Bearer": []}],
                    "parameters": [payload],
                }
            },
            f"{base}/swagger.json": {
                "get": {**_operation("GetSwaggerSpec", _SPECIFICATION, text, failed), "parameters": [chosen]}
            },
        },
        "definitions": {"ServiceInput": given, "ServiceOutput": returned, "ErrorResponse": _ERROR},
    }


def openapi_3(name: str, version: str, prefix: str, given: Document, returned: Document) -> Document:
    """Return an OpenAPI 3.0 document."""
    base = _base(prefix)
    failed = _content(_FAILED, {"$ref": "#/components/schemas/ErrorResponse"})
    healthy = _content(_ALIVE_YES, {"type": "string", "example": "Healthy"}, "text/plain")
    scored = _content(_SCORED, {"$ref": "#/components/schemas/ServiceOutput"})
    text = _content(_SPECIFICATION, {"type": "string"}, "text/plain")
    chosen = {"name": "version", "in": "query", "required": False, "schema": {"type": "integer", "enum": [2, 3]}}
    return {
        "openapi": "3.0.3",
        "info": _info(name, version),
        "security": [{"Bearer": []}],
        "paths": {
            f"{base}/": {"get": _operation("ServiceHealthCheck", _ALIVE, healthy, failed)},
            f"{base}/score": {
                "post": {
                    **_operation("RunMLService", _SCORE, scored, failed),
                    "security": [{"Bearer": []}],
                    "requestBody": _content(_INPUT, {"$ref": "#/components/schemas/ServiceInput"}),
                }
            },
            f"{base}/swagger.json": {
                "get": {**_operation("GetSwaggerSpec", _SPECIFICATION, text, failed), "parameters": [chosen]}
            },
        },
        "components": {
            "schemas": {"ServiceInput": given, "ServiceOutput": returned, "ErrorResponse": _ERROR},
            "securitySchemes": {"Bearer": _BEARER},
        },
    }


def _operation(identifier: str, description: str, good: Document, bad: Document) -> Document:
    return {"operationId": identifier, "description": description, "responses": {"200": good, "default": bad}}


def _content(description: str, schema: Document, kind: str | None = None) -> Document:
    return {"description": description, "content": {kind or "application/json": {"schema": schema}}}


def _info(name: str, version: str) -> Document:
    return {"title": name, "description": f"The web service {name}.", "version": version}


def _base(prefix: str) -> str:
    return f"/{prefix.strip('/')}" if prefix else ""
