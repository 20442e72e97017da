"""Derive a Swagger file of IoT Hub's service API: Microsoft publishes none, but its client has every wire name.

uv run --with azure-iot-hub==2.7.0 --no-project tools/iot_hub_specification.py

The models come from the client's own maps; paths, verbs and answers from the reference of the same version.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

VERSION = "2021-04-12"
SPECIFICATIONS = Path(__file__).parents[1] / "aml_plugins" / "testing" / "azure_emulator" / "specifications"
TARGET = SPECIFICATIONS / "iothub" / "data-plane" / VERSION / "IotHubService.json"
# verb, path, operation, body, answers; a name beginning with [] is a list.
OPERATIONS: list[tuple[str, str, str, str, dict[int, str]]] = [
    ("get", "/configurations", "Configuration_GetConfigurations", "", {200: "[]Configuration"}),
    ("get", "/configurations/{id}", "Configuration_Get", "", {200: "Configuration"}),
    ("put", "/configurations/{id}", "Configuration_CreateOrUpdate", "Configuration",
     {200: "Configuration", 201: "Configuration"}),
    ("delete", "/configurations/{id}", "Configuration_Delete", "", {204: ""}),
    ("post", "/devices/{id}/applyConfigurationContent", "Configuration_ApplyOnEdgeDevice", "ConfigurationContent",
     {204: ""}),
    ("get", "/devices/{id}", "Devices_GetIdentity", "", {200: "Device"}),
    ("put", "/devices/{id}", "Devices_CreateOrUpdateIdentity", "Device", {200: "Device"}),
    ("delete", "/devices/{id}", "Devices_DeleteIdentity", "", {204: ""}),
    ("get", "/devices/{id}/modules", "Modules_GetModulesOnDevice", "", {200: "[]Module"}),
    ("get", "/twins/{id}", "Devices_GetTwin", "", {200: "Twin"}),
    ("patch", "/twins/{id}", "Devices_UpdateTwin", "Twin", {200: "Twin"}),
    ("get", "/twins/{id}/modules/{mid}", "Modules_GetTwin", "", {200: "Twin"}),
    ("patch", "/twins/{id}/modules/{mid}", "Modules_UpdateTwin", "Twin", {200: "Twin"}),
    ("post", "/twins/{deviceId}/modules/{moduleId}/methods", "Modules_InvokeMethod", "CloudToDeviceMethod",
     {200: "CloudToDeviceMethodResult"}),
    # What a query selects is the caller's, so its items are not described.
    ("post", "/devices/query", "Query_GetTwins", "QuerySpecification", {200: "[]"}),
]  # fmt: skip
SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "iso-8601": {"type": "string", "format": "date-time"},
    "object": {},
}


def main() -> None:
    models = importlib.import_module("azure.iot.hub.protocol.models")
    definitions: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for verb, path, name, body, answers in OPERATIONS:
        paths.setdefault(path, {})[verb] = operation(path, name, body, answers)
        for wanted in (body, *answers.values()):
            define(wanted.removeprefix("[]"), models, definitions)
    document = {
        "swagger": "2.0",
        "info": {"title": "IoT Hub service API, derived from azure-iot-hub 2.7.0", "version": VERSION},
        "paths": paths,
        "definitions": dict(sorted(definitions.items())),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def operation(path: str, name: str, body: str, answers: dict[int, str]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": one, "in": "path", "required": True, "type": "string"} for one in re.findall(r"\{(\w+)\}", path)
    ]
    parameters.append({"name": "api-version", "in": "query", "required": True, "type": "string"})
    if name == "Configuration_GetConfigurations":
        parameters.append({"name": "top", "in": "query", "required": False, "type": "integer"})
    if body:
        parameters.append({"name": "body", "in": "body", "required": True, "schema": reference(body)})
    described = {str(code): answer(wanted) for code, wanted in answers.items()}
    refused = {"schema": {"type": "object", "properties": {"Message": {"type": "string"},
                                                           "ExceptionMessage": {"type": "string"}}}}  # fmt: skip
    return {"operationId": name, "parameters": parameters, "responses": {**described, "default": refused}}


def answer(wanted: str) -> dict[str, Any]:
    if not wanted:
        return {}
    if wanted.startswith("[]"):
        items = reference(wanted[2:]) if wanted[2:] else {"type": "object"}
        return {"schema": {"type": "array", "items": items}}
    return {"schema": reference(wanted)}


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def define(name: str, models: Any, definitions: dict[str, Any]) -> None:
    """Add a model and those it is made of."""
    if not name or name in definitions:
        return
    known = getattr(models, name)
    definitions[name] = {"type": "object"}
    properties = {}
    for attribute in known._attribute_map.values():  # noqa: SLF001  what the client itself is written from
        key = attribute["key"].replace("\\\\.", ".")
        properties[key] = typed(attribute["type"], models, definitions)
    definitions[name]["properties"] = properties


def typed(text: str, models: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if text.startswith("[") and text.endswith("]"):
        return {"type": "array", "items": typed(text[1:-1], models, definitions)}
    if text.startswith("{") and text.endswith("}"):
        return {"type": "object", "additionalProperties": typed(text[1:-1], models, definitions) or True}
    if text in SCALARS:
        return dict(SCALARS[text])
    define(text, models, definitions)
    return reference(text)


if __name__ == "__main__":
    main()
