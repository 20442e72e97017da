"""What scripts import as ``azureml.monitoring`` and ``azureml.ai.monitoring``: collectors of inputs and predictions.

What they collect goes where the server captures requests, as lines of the same files; while nothing is captured it is
dropped, as with Azure ML's services that were deployed without data collection.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import Any, Callable, Dict, Mapping

__all__ = ["BasicCorrelationContext", "Collector", "CorrelationContext", "ModelDataCollector", "collect_into"]

logger = logging.getLogger("azmlinfsrv")

Line = Dict[str, Any]

_sink: Callable[[Line], None] | None = None


def collect_into(sink: Callable[[Line], None]) -> None:
    """Give what is collected from now on to ``sink``."""
    global _sink  # noqa: PLW0603  scripts make collectors wherever they like; the worker has one place for all
    _sink = sink


class ModelDataCollector:
    """``azureml.monitoring.ModelDataCollector``.

    :param designation: what the data is: ``inputs``, ``predictions``, ``labels`` …
    :param feature_names: names of the columns, where the data has none.
    :param identifier: what ``designation`` was called first.
    """

    def __init__(  # noqa: PLR0917  the order is azureml-monitoring's
        self,
        model_name: str,
        designation: str = "default",
        feature_names: Any = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str = "default",
        collection_name: str = "default",
        identifier: str | None = None,
    ) -> None:
        del workspace, webservice_name, collection_name
        self._about: Line = {"model": model_name, "model_version": str(model_version)}
        self._name = identifier or designation
        self._columns = None if feature_names is None else [str(name) for name in feature_names]

    def collect(self, input_data: Any, user_correlation_id: str = "") -> dict[str, str] | None:
        """Keep a list, an array or a frame.

        :return: ids that tie other data to this; None where nothing is kept.
        """
        if _sink is None:
            return None
        found = {"$aml_dc_correlation_id": user_correlation_id or str(uuid.uuid4())}
        _keep(self._name, found["$aml_dc_correlation_id"], input_data, {"columns": self._columns, **self._about})
        return found

    def add_correlations(self, input_data: Any, correlations: Mapping[str, str] | None) -> Any:
        """Return the data as it is: each line has its id."""
        del correlations
        return input_data


class CorrelationContext:
    """Ties what several collectors got of one request together."""

    def get_id(self) -> str:
        return ""

    def __str__(self) -> str:
        return self.get_id()

    __repr__ = __str__


class BasicCorrelationContext(CorrelationContext):
    """A context with an id, of the script's choice or made."""

    def __init__(self, id: str | None = None, timestamp: int | None = None, headers: Any = None) -> None:  # noqa: A002
        self.id = id or str(uuid.uuid4())
        self.timestamp = timestamp or int(time.time())
        self.headers = headers or {}

    def get_id(self) -> str:
        return self.id

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> Any:
        return self.headers


class Collector:
    """``azureml.ai.monitoring.Collector``.

    :param on_error: called with the exception instead of raising it.
    """

    def __init__(self, *, name: str, on_error: Callable[[Exception], Any] | None = None) -> None:
        self._name = name
        self._on_error = on_error

    def collect(self, data: Any, correlation_context: CorrelationContext | None = None) -> CorrelationContext:
        """Keep a frame of pandas.

        :raises TypeError: for anything else, where no ``on_error`` was given.
        """
        context = correlation_context or BasicCorrelationContext()
        if not _is_frame(data):
            self._refuse(data)
        elif _sink is not None:
            _keep(self._name, context.get_id(), data, {})
        return context

    def _refuse(self, data: Any) -> None:
        error = TypeError(f"data type ({type(data).__name__}) not supported, supported types: pandas.DataFrame")
        if self._on_error is None:
            raise error
        self._on_error(error)


def _keep(name: str, identifier: str, data: Any, about: Line) -> None:
    try:
        line = {"time": time.time(), "collector": name, "correlation_id": identifier, **about, **_content(data)}
        json.dumps(line)
    except (TypeError, ValueError, RecursionError) as error:
        logger.warning("What collector %s was given cannot be kept: %s", name, error)
        return
    if _sink is not None:
        _sink(line)


def _content(data: Any) -> Line:
    if hasattr(data, "toPandas"):
        data = data.toPandas()
    if _is_frame(data):
        split = json.loads(data.to_json(orient="split"))
        return {"columns": split["columns"], "data": split["data"]}
    return {"data": data.tolist() if hasattr(data, "tolist") else list(data)}


def _is_frame(data: Any) -> bool:
    return hasattr(data, "to_json") and hasattr(data, "columns")
