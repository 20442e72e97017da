"""The rules that every route obeys, held against the OpenAPI document and against what the routes do."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8"))
ROUTES = ROOT / "aml_plugins/server/routes"
KEY, MATCH, TAG = "Idempotency-Key", "If-Match", "ETag"

ONCE_BY_NATURE = {
    "attach_local_target": "there is one, of one name, and a second try finds it",
}
WRITTEN_OVER = {
    "describe_workspace": "MLflow's one description: the last writer's stands",
    "share_workspace": "says what shall be, whatever was",
    "claim_slot": "compares and sets by itself",
    "write_task": "the store keeps a task from going back",
    "note_snapshot": "content under its digest: another writer wrote the same",
    "attach_snapshot": "as note_snapshot",
    "upload_datastore_file": "a file is there whole or not; the last writer's stands",
    "upload_artifact": "as upload_datastore_file",
    "create_mlflow_run": "MLflow's run under a chosen id: made once",
    "set_mlflow_status": "MLflow's run, which knows no versions",
}
QUEUES = {
    "list_due_runs": "whoever drives them takes them off",
    "list_due_images": "as list_due_runs",
    "list_due_services": "as list_due_runs",
    "list_due_provisionings": "as list_due_runs",
}


def operations() -> Iterator[tuple[str, str, dict]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def parameters(operation: dict) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def success(operation: dict) -> tuple[str, dict]:
    return next((code, answer) for code, answer in operation["responses"].items() if code.startswith("2"))


def schema_of(answer: dict) -> str:
    found = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return found.get("$ref", "").rpartition("/")[2]


def test_every_create_takes_an_idempotency_key():
    creates = {one["operationId"]: one for method, _, one in operations() if success(one)[0] == "201"}
    without = {name for name, one in creates.items() if KEY not in parameters(one)}
    assert without == set(ONCE_BY_NATURE)


def test_every_update_can_name_the_state_that_it_is_for():
    updates = {one["operationId"]: one for method, _, one in operations() if method in ("put", "patch")}
    assert {name for name, one in updates.items() if MATCH not in parameters(one)} == set(WRITTEN_OVER)


def test_every_list_comes_in_pages():
    lists = {
        one["operationId"]: one
        for method, _, one in operations()
        if method == "get" and one["operationId"].startswith("list_")
    }
    for name, one in lists.items():
        if name in QUEUES:
            assert "limit" in parameters(one), name
        else:
            assert {"limit", "page_token"} <= parameters(one), name
            assert schema_of(success(one)[1]).startswith("Page_"), name
    unpaged = [
        one["operationId"]
        for method, _, one in operations()
        if method == "get"
        and re.fullmatch(r"Page_.*|.*List", schema_of(success(one)[1]))
        and one["operationId"] not in lists
    ]
    assert unpaged == []
    assert set(QUEUES) <= set(lists)


def routes() -> dict[str, set[str]]:
    """What each route of the source calls, itself or by a function beside it, by the route's name."""
    found = {}
    for file in sorted(ROUTES.glob("*.py")):
        functions = {one.name: one for one in ast.parse(file.read_text()).body if isinstance(one, ast.FunctionDef)}
        said = {name: words(function) for name, function in functions.items()}
        for name, function in functions.items():
            if function.decorator_list:
                beside = (said[word] for word in said[name] & set(functions) if word != name)
                found[name] = said[name].union(*beside)
    return found


def words(function: ast.FunctionDef) -> set[str]:
    """Names and texts in a function."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {
        node.value for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize(
    ("header", "signs"),
    [(KEY, {"once"}), (MATCH, {"check_match", "revision_of", "if-match"})],
)
def test_the_document_says_which_headers_a_route_reads(header, signs):
    reading = {name for name, said in routes().items() if said & signs}
    assert {one["operationId"] for _, _, one in operations() if header in parameters(one)} == reading


def test_the_document_says_which_answers_have_a_tag():
    tagging = {name for name, said in routes().items() if said & {TAG, "reply"}}
    assert {one["operationId"] for _, _, one in operations() if TAG in success(one)[1].get("headers", {})} == tagging
