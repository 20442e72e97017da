"""Requests and answers against a service's Swagger files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from aml_plugins.testing.swagger.documents import Documents, Place
from aml_plugins.testing.swagger.schemas import Schemas

__all__ = ["Operation", "Specification"]

VERBS = ("get", "put", "post", "delete", "patch", "head")
# In the links that services make for polling and paging, whatever the specification says.
_ALWAYS = frozenset({"api-version", "timeout", "$skiptoken", "skiptoken"})
_LONGEST = 300
_NOT_MODIFIED = 304
_REQUIRED = "is a required property"  # in jsonschema's words


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path.

    :param parameters: resolved, those of the path included.
    """

    verb: str
    pattern: re.Pattern[str]
    path: str
    place: Place
    parameters: tuple[Place, ...]

    @property
    def operation_id(self) -> str:
        """The specification's own name of it."""
        return str(self.place.value.get("operationId", f"{self.verb} {self.path}"))

    @property
    def body(self) -> Place | None:
        """The parameter that is the body, None where there is none."""
        return next((at for at in self.parameters if at.value.get("in") == "body"), None)


@dataclass
class Specification:
    """The Swagger files of one service, or several.

    :param strict: whether what the specification does not mention is a problem.
    """

    files: tuple[Path, ...]
    strict: bool = True
    _documents: Documents = field(default_factory=Documents, init=False)
    _operations: list[Operation] = field(default_factory=list, init=False)
    _validators: dict[tuple[str, str], Draft202012Validator] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read the files; schemas are made when they are first needed."""
        for file in self.files:
            self._operations += self._of_file(file)
        self._operations.sort(key=lambda operation: operation.path.count("{"))  # literal paths come first
        self._schemas = {sent: Schemas(self._documents, sent=sent, strict=self.strict) for sent in (True, False)}

    def operation(self, verb: str, path: str) -> Operation | None:
        """Return the operation that a request is for."""
        for operation in self._operations:
            if operation.verb == verb.upper() and operation.pattern.match(path):
                return operation
        return None

    def knows(self, path: str) -> bool:
        """Say whether any request may be made to a path."""
        return any(operation.pattern.match(path) for operation in self._operations)

    def parameters(self, verb: str, path: str) -> frozenset[str]:
        """Return the names that a request's query may have."""
        operation = self.operation(verb, path)
        found = operation.parameters if operation else ()
        return frozenset({at.value["name"] for at in found if at.value.get("in") == "query"} | _ALWAYS)

    def properties(self, verb: str, path: str) -> frozenset[str]:
        """Return the names of the properties that an answer has; of a list, those of its members."""
        operation = self.operation(verb, path)
        described = operation.place.value["responses"].get("200", {}) if operation else {}
        if operation is None or "schema" not in described:
            return frozenset()
        members = self._members(Place(described["schema"], operation.place.file))
        if "value" in members:
            value = self._documents.resolved(members["value"])
            members = self._members(Place(value.value.get("items", {}), value.file))
        return frozenset(members)

    def check_request(
        self, verb: str, url: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> list[str]:
        """Return what is wrong with a request, nothing where it is valid."""
        operation = self.operation(verb, urlsplit(url).path)
        if operation is None:
            return [f"no operation for {verb} {urlsplit(url).path}"]
        problems = list(self._query(operation, dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))))
        problems += self._missing_headers(operation, headers)
        return problems + list(self._body(operation, body))

    def check_response(self, verb: str, url: str, status: int, body: object = None) -> list[str]:
        """Return what is wrong with an answer, nothing where it is valid."""
        operation = self.operation(verb, urlsplit(url).path)
        if operation is None:
            return [f"no operation for {verb} {urlsplit(url).path}"]
        if status == _NOT_MODIFIED:  # HTTP's own answer to a condition: no specification describes it
            return ["body: there is none where nothing was modified"] if body else []
        responses = operation.place.value["responses"]
        described = responses.get(str(status), responses.get("default") if status >= 400 else None)  # noqa: PLR2004
        if described is None:
            return [f"status {status} is not described for {operation.operation_id}"]
        place = self._documents.resolved(Place(described, operation.place.file))
        if "schema" not in place.value:
            return [f"body: {operation.operation_id} answers {status} without one"] if body not in (None, "") else []
        schema = Place(place.value["schema"], place.file)
        # Who selects properties gets no others, required or not.
        is_partial = "$select" in dict(parse_qsl(urlsplit(url).query))
        found = self._check(f"{operation.operation_id} {status}", schema, body)
        return [one for one in found if not (is_partial and one.endswith(_REQUIRED))]

    def _members(self, place: Place) -> Mapping[str, Place]:
        return self._schemas[False].members(self._documents.resolved(place))[0]

    def _of_file(self, file: Path) -> Iterator[Operation]:
        document = self._documents.document(file)
        for path, item in {**document.get("paths", {}), **document.get("x-ms-paths", {})}.items():
            shared = item.get("parameters", [])
            for verb in VERBS:
                if verb in item:
                    parameters = [*shared, *item[verb].get("parameters", [])]
                    places = tuple(self._documents.resolved(Place(one, file)) for one in parameters)
                    yield Operation(verb.upper(), _pattern(path), path, Place(item[verb], file), places)

    def _query(self, operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
        known = {at.value["name"]: at.value for at in operation.parameters if at.value.get("in") == "query"}
        kinds = {name.lower(): parameter.get("type") for name, parameter in known.items()}
        for name, parameter in known.items():
            if parameter.get("required") and name.lower() not in {given.lower() for given in query}:
                yield f"query: '{name}' is missing"
        for name in query if self.strict else ():
            if name.lower() not in kinds.keys() | _ALWAYS:
                yield f"query: '{name}' is not in the specification"
        for name, value in query.items():
            if kinds.get(name.lower()) == "integer" and not re.fullmatch(r"-?\d+", value):
                yield f"query: '{name}' must be a number, not '{value}'"

    def _missing_headers(self, operation: Operation, headers: Mapping[str, str] | None) -> Iterator[str]:
        if headers is None:
            return
        given = {name.lower() for name in headers}
        for at in operation.parameters:
            if at.value.get("in") == "header" and at.value.get("required") and at.value["name"].lower() not in given:
                yield f"header: '{at.value['name']}' is missing"

    def _body(self, operation: Operation, body: object) -> Iterator[str]:
        parameter = operation.body
        if parameter is None:
            if body not in (None, "", {}):
                yield f"body: {operation.operation_id} takes none"
        elif body is None:
            if parameter.value.get("required"):
                yield "body: missing"
        else:
            place = Place(parameter.value["schema"], parameter.file)
            yield from self._check(operation.operation_id, place, body, sent=True)

    def _check(self, name: str, schema: Place, value: object, *, sent: bool = False) -> Iterator[str]:
        if isinstance(value, bytes):  # a file
            return
        key = (name, "sent" if sent else "received")
        if key not in self._validators:
            made = self._schemas[sent].of(schema)
            self._validators[key] = Draft202012Validator({**made, "$defs": self._schemas[sent].definitions})
        for error in self._validators[key].iter_errors(value):
            for cause in _causes(error):
                where = "/".join(map(str, cause.absolute_path))
                yield f"body{'/' if where else ''}{where}: {_sentence(cause)}"


def _pattern(path: str) -> re.Pattern[str]:
    """A path's parameter is one segment; that of a file is the rest."""
    escaped = re.sub(r"\\\{(filePath)\\\}", r"(?P<\1>.+?)", re.escape(path.partition("?")[0]))
    return re.compile("^" + re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/?]+)", escaped) + "/?$", re.IGNORECASE)


def _causes(error: ValidationError) -> Iterator[ValidationError]:
    """Look through "or null"."""
    inner = [one for one in error.context or () if one.validator != "type" or one.validator_value != "null"]
    if not inner:
        yield error
    for one in inner:
        yield from _causes(one)


def _sentence(error: ValidationError) -> str:
    said = error.message[:_LONGEST]
    return (
        f"{said.partition(' do')[0]} is not in the specification" if error.validator == "additionalProperties" else said
    )
