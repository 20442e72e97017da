"""From Swagger schemas to JSON Schema, in the two directions in which a value can travel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.swagger.documents import Documents, Place

__all__ = ["Schemas"]

_KEPT = ("minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "multipleOf")
_FORMATS = {
    "date-time": r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "duration": r"^-?P(?=.)(\d+([.]\d+)?Y)?(\d+([.]\d+)?M)?(\d+([.]\d+)?W)?(\d+([.]\d+)?D)?"
    r"(T(?=.)(\d+([.]\d+)?H)?(\d+([.]\d+)?M)?(\d+([.]\d+)?S)?)?$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}
_RANGES = {"int32": 2**31, "int64": 2**63}


class Schemas:
    """Schemas for one direction.

    :param sent: True for what a client sends: read-only properties need not be there. False for what comes back.
    :param strict: whether a property that the specification does not have is a problem.
    """

    def __init__(self, documents: Documents, *, sent: bool, strict: bool) -> None:
        self._documents = documents
        self._sent = sent
        self._strict = strict
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}

    def of(self, place: Place) -> dict[str, Any]:
        """Return the JSON Schema of a Swagger schema; referred ones go to :attr:`definitions`."""
        if "$ref" in place.value:
            return {"$ref": f"#/$defs/{self._defined(str(place.value['$ref']), place)}"}
        made = self._made(place)
        nullable = place.value.get("x-nullable") or not self._sent  # the services do answer null
        return {"anyOf": [made, {"type": "null"}]} if nullable and made else made

    def _defined(self, reference: str, place: Place) -> str:
        identity, target = self._documents.target(reference, place.file)
        if identity not in self._names:
            name = self._names[identity] = f"d{len(self._names)}"
            self.definitions[name] = {}  # it may refer to itself
            self.definitions[name] = self._with_subtypes(identity, target, self.of(target))
        return self._names[identity]

    def _with_subtypes(self, identity: str, place: Place, schema: dict[str, Any]) -> dict[str, Any]:
        discriminator = place.value.get("discriminator")
        if not isinstance(discriminator, str):
            return schema
        chosen = [
            {
                "if": {"properties": {discriminator: {"const": word}}, "required": [discriminator]},
                "then": self.of(subtype),
            }
            for word, subtype in self._documents.subtypes(identity).items()
        ]
        return {"allOf": [schema, *chosen]} if chosen else schema

    def _made(self, place: Place) -> dict[str, Any]:
        schema = place.value
        kind = schema.get("type")
        if kind == "file":
            return {}
        if kind == "object" or "properties" in schema or "allOf" in schema:
            return self._object(place)
        if kind == "array":
            items = self.of(Place(schema.get("items", {}), place.file))
            return {"type": "array", "items": items, **self._limits(schema)}
        return self._scalar(schema) if kind else {}

    def _object(self, place: Place) -> dict[str, Any]:
        properties, required = self.members(place)
        made: dict[str, Any] = {"type": "object", "properties": {name: self.of(at) for name, at in properties.items()}}
        needed = sorted(name for name in required if not self._is_absent(properties.get(name)))
        if needed:
            made["required"] = needed
        return made | self._additional(place, bool(properties))

    def _additional(self, place: Place, has_properties: bool) -> dict[str, Any]:  # noqa: FBT001  called once
        additional = place.value.get("additionalProperties")
        if isinstance(additional, Mapping):
            return {"additionalProperties": self.of(Place(additional, place.file))}
        if not self._strict or not has_properties or additional or place.value.get("discriminator"):
            return {}
        return {"additionalProperties": False, "patternProperties": {r"^@?odata\.": {}}}

    def members(self, place: Place) -> tuple[dict[str, Place], set[str]]:
        """Return properties and required names, those of all ancestors included."""
        place = self._documents.resolved(place)
        properties: dict[str, Place] = {}
        required = set(place.value.get("required", ()))
        for parent in place.value.get("allOf", ()):
            inherited, needed = self.members(Place(parent, place.file))
            properties |= inherited
            required |= needed
        for name, schema in place.value.get("properties", {}).items():
            properties[name] = Place(schema, place.file)
        return properties, required

    def _is_absent(self, at: Place | None) -> bool:
        """Say whether a required property does not travel in this direction."""
        if at is None:
            return False
        schemas = (at.value, self._documents.resolved(at).value)
        if self._sent:
            return any(schema.get("readOnly") for schema in schemas)
        return any("x-ms-mutability" in schema and "read" not in schema["x-ms-mutability"] for schema in schemas)

    def _scalar(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"type": schema["type"], **self._limits(schema)}
        values = schema.get("enum")
        if values and all(isinstance(value, str) for value in values):
            if not schema.get("x-ms-enum", {}).get("modelAsString") or self._strict:
                # Without regard to case: the services compare like that, and answer like that.
                made["pattern"] = "(?i)^(?:" + "|".join(map(re.escape, values)) + ")$"
        elif values:
            made["enum"] = list(values)
        elif schema.get("format") in _FORMATS and schema["type"] == "string":
            made["pattern"] = _FORMATS[schema["format"]]
        elif schema.get("format") in _RANGES and schema["type"] == "integer":
            limit = _RANGES[schema["format"]]
            made = {"minimum": -limit, "maximum": limit - 1} | made
        return made

    def _limits(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {key: schema[key] for key in _KEPT if key in schema}
