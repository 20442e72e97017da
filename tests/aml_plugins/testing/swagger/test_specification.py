"""The validator, on a small specification that has one of everything."""

from __future__ import annotations

import json

import pytest

from aml_plugins.testing.azure_emulator.emulator import SPECIFICATIONS
from aml_plugins.testing.swagger import Specification

BATCH = "https://a.b.batch.azure.com"
SMALL = {
    "swagger": "2.0",
    "paths": {
        "/things/{name}": {
            "parameters": [{"name": "api-version", "in": "query", "required": True, "type": "string"}],
            "put": {
                "operationId": "Things_Put",
                "parameters": [
                    {"name": "top", "in": "query", "type": "integer"},
                    {"name": "x-must", "in": "header", "required": True, "type": "string"},
                    {
                        "name": "thing",
                        "in": "body",
                        "required": True,
                        "schema": {"$ref": "other.json#/definitions/Thing"},
                    },
                ],
                "responses": {
                    "200": {"schema": {"$ref": "other.json#/definitions/Thing"}},
                    "204": {},
                    "default": {"schema": {"type": "object", "properties": {"code": {"type": "string"}}}},
                },
            },
        },
        "/things/special": {"get": {"operationId": "Things_Special", "responses": {"200": {}}}},
        "/files/{filePath}": {"get": {"operationId": "Files_Get", "responses": {"200": {"schema": {"type": "file"}}}}},
    },
}
OTHER = {
    "definitions": {
        "Base": {
            "type": "object",
            "discriminator": "kind",
            "required": ["kind"],
            "properties": {"kind": {"type": "string"}},
        },
        "Round": {
            "x-ms-discriminator-value": "round",
            "allOf": [{"$ref": "#/definitions/Base"}],
            "required": ["radius"],
            "properties": {"radius": {"type": "number"}},
        },
        "Thing": {
            "type": "object",
            "required": ["id", "size"],
            "properties": {
                "id": {"type": "string", "readOnly": True},
                "size": {"type": "integer", "format": "int32", "minimum": 1},
                "secret": {"type": "string", "x-ms-mutability": ["create"]},
                "color": {"type": "string", "enum": ["red", "blue"], "x-ms-enum": {"modelAsString": True}},
                "when": {"type": "string", "format": "date-time"},
                "long": {"type": "string", "format": "duration"},
                "shape": {"$ref": "#/definitions/Base"},
                "inner": {"$ref": "#/definitions/Thing"},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    }
}


@pytest.fixture(params=[True, False], ids=["strict", "lenient"])
def small(request, tmp_path):
    (tmp_path / "small.json").write_text(json.dumps(SMALL))
    (tmp_path / "other.json").write_text(json.dumps(OTHER))
    return Specification((tmp_path / "small.json",), strict=request.param)


def sent(specification, body, query="api-version=1"):
    return specification.check_request("PUT", f"https://x/things/a?{query}", body, {"X-Must": "1"})


@pytest.mark.parametrize(
    "body",
    [
        {"size": 1},
        {"size": 1, "color": "RED", "when": "2026-01-01T00:00:00.1234567Z", "long": "PT1H30M", "tags": {"a": "b"}},
        {"size": 1, "shape": {"kind": "round", "radius": 2.5}, "inner": {"size": 2}},
    ],
)
def test_what_is_valid(small, body):
    assert sent(small, body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "body: 'size' is a required property"),
        ({"size": "1"}, "body/size: '1' is not of type 'integer'"),
        ({"size": 0}, "body/size: 0 is less than the minimum of 1"),
        ({"size": 2**31}, f"body/size: {2**31} is greater than the maximum of {2**31 - 1}"),
        ({"size": 1, "when": "yesterday"}, "body/when: 'yesterday' does not match"),
        ({"size": 1, "long": "an hour"}, "body/long: 'an hour' does not match"),
        ({"size": 1, "inner": {"size": None}}, "body/inner/size: None is not of type 'integer'"),
        ({"size": 1, "shape": {"kind": "round"}}, "body/shape: 'radius' is a required property"),
        (None, "body: missing"),
    ],
)
def test_what_is_not(small, body, problem):
    found = sent(small, body)
    assert len(found) == 1, found
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"size": 1, "bogus": 2}, "body: 'bogus' is not in the specification"),
        ({"size": 1, "color": "green"}, "body/color: 'green' does not match"),
    ],
)
def test_what_only_the_strict_mind(small, body, problem):
    found = sent(small, body)
    assert [one[: len(problem)] for one in found] == ([problem] if small.strict else [])


def test_queries_and_headers(small):
    assert sent(small, {"size": 1}, "top=3") == ["query: 'api-version' is missing"]
    assert sent(small, {"size": 1}, "api-version=1&top=x") == ["query: 'top' must be a number, not 'x'"]
    assert small.check_request("PUT", "/things/a?api-version=1", {"size": 1}, {}) == ["header: 'x-must' is missing"]
    unknown = ["query: 'odd' is not in the specification"] if small.strict else []
    assert sent(small, {"size": 1}, "api-version=1&odd=1") == unknown


def test_answers_have_read_only_properties_nulls_and_no_secrets(small):
    def answered(body, status=200, query=""):
        return small.check_response("PUT", f"/things/a?{query}", status, body)

    assert answered({"id": "a", "size": 1, "when": None}) == []
    assert answered({"size": 1}) == ["body: 'id' is a required property"]
    assert answered({"size": 1}, query="$select=size") == []
    assert answered(None, 204) == []
    assert answered({"code": "Bad"}, 400) == []
    assert answered({"code": 3}, 400) == ["body/code: 3 is not of type 'string'"]
    assert answered(None, 202) == ["status 202 is not described for Things_Put"]


def test_paths_find_their_operation(small):
    assert small.operation("get", "/THINGS/special").operation_id == "Things_Special"
    assert small.operation("PUT", "/things/special").operation_id == "Things_Put"
    assert small.operation("GET", "/files/a%2Fb/c").operation_id == "Files_Get"
    assert small.operation("GET", "/nothing") is None
    assert small.check_request("GET", "/nothing") == ["no operation for GET /nothing"]
    assert small.check_response("GET", "/files/x", 200, b"bytes") == []


def test_every_reference_of_the_specifications_that_ship_leads_somewhere():
    files = tuple(sorted(path for path in SPECIFICATIONS.rglob("*.json") if "common-types" not in path.parts))
    specification = Specification(files)
    for path, verb in (
        ("/jobs", "POST"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/n", "PUT"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/n", "PUT"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.HDInsight/clusters/n", "PUT"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/n", "PUT"),
    ):
        operation = specification.operation(verb, path)
        assert operation is not None, path
        assert isinstance(specification.check_request(verb, f"{path}?api-version=1", {}), list)
        assert isinstance(specification.check_response(verb, path, 200, {}), list)
