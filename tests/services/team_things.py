"""One of everything that MLflow and we keep in a workspace, and what a request about it looks like."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from services.team_server import Client

__all__ = ["makes", "nothing", "request_for", "things_of"]

_V2, _V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
NOWHERE = "nowhere-at-all"
_NO_EXPERIMENT = "9" * 9
_NO_NUMBER = 999_999
_NAMES = {
    "mcp-servers": "io.example/",
    "label-schemas": "schema",
    "review-queues": "queue",
    "scorers": "scorer",
    "experiments/": "experiment",
    "secrets": "secret",
    "endpoints": "endpoint",
    "model-definitions": "definition",
}
_COMMON = {
    "key": "tag",
    "tag_key": "tag",
    "metric_key": "metric",
    "metric_keys": ["metric"],
    "stage": "Staging",
    "status": "FINISHED",
    "max_results": 20,
    "timestamp": 1,
    "start_time": 1,
    "permission": "READ",
    "password": "a password that is long",
}
_SCORER = json.dumps({"name": "s", "builtin_scorer_class": "Safety", "builtin_scorer_pydantic_data": {"name": "s"}})


class _Maker:
    """Makes things in one workspace; whatever can be named has the mark in its name."""

    def __init__(self, client: Client, workspace: str, mark: str) -> None:
        self._client = client
        self.workspace = workspace
        self.mark = mark

    def __call__(self, path: str, body: Any, *, method: str = "POST") -> Any:
        answer = self._client(method, path, body, workspace=self.workspace)
        assert answer.status < 300, (path, answer.status, answer.body)
        return answer.json if answer.body.startswith((b"{", b"[")) else {}


def things_of(client: Client, workspace: str, mark: str) -> dict[str, Any]:
    """Make one of everything in a workspace; return the values by the names that MLflow's requests use.

    :param client: an administrator's.
    :param mark: stands in all names, values and files: whoever reads it has seen something of this workspace.
    """
    make = _Maker(client, workspace, mark)
    things: dict[str, Any] = {"workspace_name": workspace, "workspace": workspace, "mark": mark}
    for part in (_roles, _tracking, _registry, _traces, _reviewing, _gateway, _servers):
        things |= part(make, things)
    return things


def nothing(like: Mapping[str, Any]) -> dict[str, Any]:
    """Return things of the same shape that are not there."""
    text = json.dumps(like).replace(like["mark"], NOWHERE).replace(like["workspace"], NOWHERE)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ffffffff-ffff-ffff-ffff-ffffffffffff", text)
    text = re.sub(r"[0-9a-f]{32}", "f" * 32, text)
    text = re.sub(rf'(["/]){like["experiment_id"]}(["/])', rf"\g<1>{_NO_EXPERIMENT}\g<2>", text)
    numbers = {"role_id": _NO_NUMBER, "role_permission_id": _NO_NUMBER, "version": like["version"]}
    found: dict[str, Any] = {**json.loads(text), **numbers}
    return found


def request_for(method: str, rule: str, things: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a path, and what a request of this route says about the things: parameters for GET, else a JSON body.

    MLflow ignores what a request has too much, so one body serves nearly all routes.
    """
    path = re.sub(r"<(?:\w+:)?(\w+)>|\{(\w+)(?::\w+)?\}", lambda match: _part(rule, match, things), rule)
    said = {**_COMMON, **things, "value": things["mark"], "name": _name(rule, things)}
    if method == "GET":
        flat = {name: value for name, value in said.items() if not isinstance(value, dict)}
        is_proxy = rule.endswith("/mlflow-artifacts/artifacts")
        file = things["artifact_path"].rpartition("/")[0] if is_proxy else "file.txt"
        return path, {**flat, **_grant(things), "path": file, "filter": ""}
    if rule.endswith(("/presigned-upload-url", "/model-versions/create")):  # of a run or of a model
        said.pop("model_id")
    said |= {"source": f"runs:/{things['run_id']}/file.txt", "new_name": said["name"]}
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": things["experiment_id"]}}
    return path, {**said, "path": "file.txt", "locations": [place], **_grant(things)}


def _grant(things: Mapping[str, Any]) -> dict[str, Any]:
    return {"resource_type": "experiment", "resource_id": things["experiment_id"], "resource_pattern": "*"}


def makes(rule: str) -> bool:
    """Say whether a route makes something, under a name that the request gives it."""
    made = rule.endswith(("/create", "/register", "/mcp-servers", "/logged-models", "/issues"))
    return made and "model-versions" not in rule


def _part(rule: str, match: re.Match[str], things: Mapping[str, Any]) -> str:
    name = match[1] or match[2]
    return _name(rule, things) if name == "name" else str(things.get(name, things["mark"]))


def _name(rule: str, things: Mapping[str, Any]) -> str:
    """Return the name that the route's noun has; a new one for a route that makes something."""
    prefix = next((word for part, word in _NAMES.items() if part in rule), "model")
    is_new = makes(rule)
    if prefix == "io.example/":
        return f"{prefix}{things['mark']}{uuid.uuid4().hex if is_new else ''}"
    return f"{prefix}-{things['mark']}{uuid.uuid4().hex if is_new else ''}"


def _roles(make: _Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    """Make a role of MLflow's, beside ours, and a user who has none in any workspace."""
    make(f"{_V2}/users/create", {"username": f"user-{make.mark}", "password": "a password that is long"})
    role = make(f"{_V3}/roles/create", {"name": f"role-{make.mark}", "workspace": make.workspace})["role"]["id"]
    grant = {"role_id": role, "resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}
    made = make(f"{_V3}/roles/permissions/add", grant)["role_permission"]["id"]
    return {"username": f"user-{make.mark}", "role_id": role, "role_permission_id": made}


def _tracking(make: _Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    experiment = make(f"{_V2}/experiments/create", {"name": f"experiment-{make.mark}"})["experiment_id"]
    run = make(f"{_V2}/runs/create", {"experiment_id": experiment, "run_name": f"run-{make.mark}", "start_time": 1})
    run_id = run["run"]["info"]["run_id"]
    tag = {"key": "tag", "value": make.mark}
    metric = {"key": "metric", "value": 1.5, "timestamp": 1, "step": 1}
    batch = {"run_id": run_id, "metrics": [metric], "params": [{"key": "param", "value": make.mark}], "tags": [tag]}
    make(f"{_V2}/runs/log-batch", batch)
    make(f"{_V2}/experiments/set-experiment-tag", {"experiment_id": experiment, **tag})
    root = re.sub(r"^mlflow-artifacts:/+", "", run["run"]["info"]["artifact_uri"])
    make(f"/api/2.0/mlflow-artifacts/artifacts/{root}/file.txt", make.mark.encode(), method="PUT")
    model = {"experiment_id": experiment, "name": f"logged-{make.mark}", "source_run_id": run_id}
    logged = make(f"{_V2}/logged-models", model)["model"]["info"]["model_id"]
    dataset = {"name": f"dataset-{make.mark}", "experiment_ids": [experiment]}
    return {
        "experiment_id": experiment,
        "experiment_ids": [experiment],
        "experiment_name": f"experiment-{make.mark}",
        "run_id": run_id,
        "run_uuid": run_id,
        "run_ids": [run_id],
        "artifact_path": f"{root}/file.txt",
        "model_id": logged,
        "dataset_id": make(f"{_V3}/datasets/create", dataset)["dataset"]["dataset_id"],
    }


def _registry(make: _Maker, things: Mapping[str, Any]) -> dict[str, Any]:
    name = f"model-{make.mark}"
    make(f"{_V2}/registered-models/create", {"name": name, "description": make.mark})
    source = f"runs:/{things['run_id']}/file.txt"
    version = {"name": name, "source": source, "run_id": things["run_id"], "description": make.mark}
    make(f"{_V2}/model-versions/create", version)
    make(f"{_V2}/registered-models/alias", {"name": name, "alias": "best", "version": "1"})
    webhook = {
        "name": f"webhook-{make.mark}",
        "url": f"https://127.0.0.1:9/{make.mark}",
        "events": [{"entity": "MODEL_VERSION_TAG", "action": "DELETED"}],
    }
    made = make(f"{_V2}/webhooks", webhook)["webhook"]["webhook_id"]
    return {"name": name, "version": "1", "alias": "best", "webhook_id": made}


def _traces(make: _Maker, things: Mapping[str, Any]) -> dict[str, Any]:
    trace_id = f"tr-{uuid.uuid4().hex}"
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": things["experiment_id"]}}
    info = {
        "trace_id": trace_id,
        "trace_location": place,
        "request_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "state": "OK",
        "request_preview": make.mark,
        "tags": {"tag": make.mark},
    }
    make(f"{_V3}/traces", {"trace": {"trace_info": info}})
    source = {"source_type": "HUMAN", "source_id": "somebody"}
    feedback = {"assessment_name": "good", "trace_id": trace_id, "source": source, "feedback": {"value": make.mark}}
    made = make(f"{_V3}/traces/{trace_id}/assessments", {"assessment": feedback})
    return {
        "trace_id": trace_id,
        "request_id": trace_id,
        "trace_ids": [trace_id],
        "request_ids": [trace_id],
        "assessment_id": made["assessment"]["assessment_id"],
        "trace": {"trace_info": info},
    }


def _reviewing(make: _Maker, things: Mapping[str, Any]) -> dict[str, Any]:
    experiment = {"experiment_id": things["experiment_id"]}
    schema = {**experiment, "name": f"schema-{make.mark}", "type": "FEEDBACK", "input": {"text": {}}}
    queue = {**experiment, "name": f"queue-{make.mark}", "queue_type": "CUSTOM"}
    issue = {**experiment, "name": f"issue-{make.mark}", "description": make.mark, "status": "pending"}
    scorer = {**experiment, "name": f"scorer-{make.mark}", "serialized_scorer": _SCORER}
    make(f"{_V3}/scorers/register", scorer)
    return {
        "schema_id": _first_id(make(f"{_V3}/label-schemas/create", schema), "schema_id"),
        "queue_id": _first_id(make(f"{_V3}/review-queues/create", queue), "queue_id"),
        "issue_id": _first_id(make(f"{_V3}/issues", issue), "issue_id"),
    }


def _gateway(make: _Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    secret = {"secret_name": f"secret-{make.mark}", "secret_value": {"api_key": "sk-nobody"}, "provider": "openai"}
    secret_id = _first_id(make(f"{_V3}/gateway/secrets/create", secret), "secret_id")
    definition = {
        "name": f"definition-{make.mark}",
        "secret_id": secret_id,
        "provider": "openai",
        "model_name": "gpt-nobody",
    }
    made = make(f"{_V3}/gateway/model-definitions/create", definition)
    model_definition_id = _first_id(made, "model_definition_id")
    config = {"model_definition_id": model_definition_id, "linkage_type": "PRIMARY", "weight": 1.0}
    endpoint = {"name": f"endpoint-{make.mark}", "model_configs": [config]}
    return {
        "secret_id": secret_id,
        "model_definition_id": model_definition_id,
        "endpoint_id": _first_id(make(f"{_V3}/gateway/endpoints/create", endpoint), "endpoint_id"),
        "endpoint_name": f"endpoint-{make.mark}",
    }


def _servers(make: _Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    name = f"io.example/{make.mark}"
    make(f"{_V3}/mcp-servers", {"name": name, "description": make.mark})
    return {"server_name": name}


def _first_id(value: Any, name: str) -> Any:
    """Return the value of a name wherever in an answer it stands."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        value = list(value.values())
    if isinstance(value, list):
        return next((found for part in value if (found := _first_id(part, name)) is not None), None)
    return None
