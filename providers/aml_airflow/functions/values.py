"""How arguments travel and results come home: as JSON, and as a pickle only where the author asked for it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aml_airflow.functions.capturing import CapturingError

if TYPE_CHECKING:
    from aml_plugins import Run, Workspace

__all__ = ["LARGEST_VALUE", "SERIALIZERS", "read_result", "write_arguments"]

LARGEST_VALUE = 1 << 20
"""Bytes of arguments or result. Airflow keeps results in its database; more belongs into a file or datastore."""

SERIALIZERS = ("json", "cloudpickle")

_FOLDER = "outputs/aml_task"


def write_arguments(directory: Path, positional: Sequence[Any], named: Mapping[str, Any], serializer: str) -> str:
    """Write the arguments into the directory and return the file's name.

    :raises CapturingError: where they are too large, or JSON cannot carry them and nothing else is allowed.
    """
    value = [list(positional), dict(named)]
    name, content = _packed(value, serializer)
    if len(content) > LARGEST_VALUE:
        raise CapturingError(
            f"The arguments have {len(content)} bytes; at most {LARGEST_VALUE} travel. "
            "Put the data into a datastore and pass its path."
        )
    (directory / name).write_bytes(content)
    return name


def _packed(value: Any, serializer: str) -> tuple[str, bytes]:
    try:
        text = json.dumps(value, allow_nan=False)
        if json.loads(text) == value:
            return "aml_task_arguments.json", text.encode()
    except (TypeError, ValueError, RecursionError):
        pass
    if serializer != "cloudpickle":
        raise CapturingError(
            "JSON cannot carry the arguments. Pass numbers, texts, lists and dictionaries with text keys, "
            'or decorate the function with serializer="cloudpickle".'
        )
    import cloudpickle  # type: ignore[import-untyped]  # noqa: PLC0415  DAG files are parsed without it

    return "aml_task_arguments.pkl", cloudpickle.dumps(value, protocol=4)


def read_result(workspace: Workspace, run: Run, serializer: str) -> Any:
    """Return what the function returned.

    :raises CapturingError: where it is not there, too large, or a pickle that nobody asked for.
    """
    history = workspace.context.history(workspace.name)
    files = {file.path: file.size or 0 for file in history.files(run.id, _FOLDER)}
    wanted = [f"{_FOLDER}/result.json", f"{_FOLDER}/result.pkl"]
    path = next((name for name in wanted if name in files), None)
    if path is None:
        raise CapturingError(f"The run {run.id} left no result; its log says why: aml run logs {run.id}")
    if path.endswith(".pkl") and serializer != "cloudpickle":
        raise CapturingError(f"The run {run.id} has a pickled result, which this task does not ask for.")
    if files[path] > LARGEST_VALUE:
        raise CapturingError(f"The result of run {run.id} has {files[path]} bytes; at most {LARGEST_VALUE} are read.")
    with TemporaryDirectory(prefix="aml-result-") as place:
        content = history.download(run.id, path, Path(place)).read_bytes()
    if path.endswith(".json"):
        return json.loads(content)
    return pickle.loads(content)  # noqa: S301  the author asked for it, and the run is the one that this task submitted
