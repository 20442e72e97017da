"""MLflow's own REST API in one workspace."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aml_plugins.errors import NotFoundError
from aml_plugins.runs.history import Metric, ModelVersion, RunView
from aml_plugins.store.rest.ahead import Question
from aml_plugins.store.rest.connection import Connection

__all__ = ["MlflowApi", "experiment_question", "metric_of", "model_of", "point_of", "view_of"]

_API = "/api/2.0/mlflow"
_HEADER = "X-MLFLOW-WORKSPACE"
_NAME = re.compile(r"[a-z0-9-]{1,63}")
_KEY_TAG = "aml.idempotency_key"
"""By which the server knows a request again; nobody else's business."""


class MlflowApi:
    """Requests of one workspace.

    :raises NotFoundError: for what cannot be the name of a workspace.
    """

    def __init__(self, connection: Connection, workspace: str) -> None:
        if not _NAME.fullmatch(workspace):  # it travels in a header
            raise NotFoundError(f"There is no workspace {workspace!r}.", "See: aml workspace list")
        self._connection = connection
        self._headers = {_HEADER: workspace}

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask for something."""
        return self._ask("GET", path, query, None)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Change or search something; only what may be done twice."""
        return self._ask("POST", path, None, body)

    def pages(self, key: str, method: str, path: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """Yield the items under ``key`` of all pages."""
        token: str | None = None
        while True:
            wanted = {**asked, **({"page_token": token} if token else {})}
            answer = self._ask(method, path, wanted, None) if method == "GET" else self._ask(method, path, None, wanted)
            yield from answer.get(key, [])
            token = answer.get("next_page_token")
            if not token:
                return

    def _ask(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> dict[str, Any]:
        answer = self._connection.call(method, f"{_API}/{path}", query=query, body=body, headers=self._headers)
        return dict(answer.value or {})


def experiment_question(workspace: str, name: str) -> Question:
    """Return what is asked for when an experiment is looked up."""
    return Question(f"{_API}/experiments/get-by-name", {"experiment_name": name}, {_HEADER: workspace})


def view_of(run: dict[str, Any]) -> RunView:
    """Make a view of a run as MLflow's API tells it."""
    info, data = run["info"], run.get("data", {})
    return RunView(
        run_id=info["run_id"],
        experiment_id=info["experiment_id"],
        name=info.get("run_name", ""),
        status=info["status"],
        start_time=_number(info.get("start_time")),
        end_time=_number(info.get("end_time")),
        metrics={item["key"]: float(item.get("value", 0.0)) for item in data.get("metrics", [])},
        params=_texts(data.get("params", [])),
        tags=_texts(data.get("tags", [])),
        artifact_uri=info["artifact_uri"],
    )


def metric_of(point: dict[str, Any]) -> Metric:
    """Make a point of a metric; MLflow leaves zeros out."""
    value, timestamp, step = point.get("value", 0.0), point.get("timestamp", 0), point.get("step", 0)
    return Metric(point["key"], float(value), int(timestamp), int(step))


def point_of(metric: Metric) -> dict[str, Any]:
    """Return a point as MLflow's API takes it: what is no number travels as its name."""
    value: Any = metric.value
    if not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return {"key": metric.key, "value": value, "timestamp": metric.timestamp, "step": metric.step}


def model_of(version: dict[str, Any], aliases: Sequence[Mapping[str, Any]] = ()) -> ModelVersion:
    """Make a model's version of what MLflow's API or ours tells.

    :param aliases: of the whole model, each ``{"alias", "version"}``.
    """
    tags = version.get("tags") or {}
    texts = dict(tags) if isinstance(tags, dict) else _texts(tags)
    texts.pop(_KEY_TAG, None)
    return ModelVersion(
        name=version["name"],
        version=str(version["version"]),
        source=version.get("source", ""),
        run_id=version.get("run_id") or None,
        tags=texts,
        aliases=sorted(one["alias"] for one in aliases if str(one["version"]) == str(version["version"])),
    )


def _texts(items: list[dict[str, Any]]) -> dict[str, str]:
    return {item["key"]: item.get("value", "") for item in items}


def _number(value: Any) -> int | None:
    return int(value) if value else None
