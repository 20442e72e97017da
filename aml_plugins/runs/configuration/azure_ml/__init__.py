"""Azure ML v1's run configuration files, read as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from aml_plugins.runs.configuration.azure_ml.keys import DEFAULTS, is_azure_ml, is_workbench
from aml_plugins.runs.configuration.azure_ml.part import Part
from aml_plugins.runs.configuration.azure_ml.version1 import version1
from aml_plugins.runs.configuration.azure_ml.workbench import workbench
from aml_plugins.runs.configuration.documents import Document
from aml_plugins.runs.configuration.mistakes import explain
from aml_plugins.runs.configuration.section import Section

__all__ = ["is_azure_ml", "read"]

_C = TypeVar("_C", bound=Section)

_THEIR_WORDS: Final = {
    "node_count": "nodeCount",
    "time_limit": "maxRunDurationSeconds",
    "environment_variables": "environmentVariables",
}


def read(model: type[_C], document: Document, directory: Path, path: Path) -> _C:
    """Return the run configuration that an Azure ML v1 file at ``path`` means for the source ``directory``.

    :raises InvalidInputError: naming file, line and key of what is wrong.
    """
    top = Part(document, document.value)
    reader: Callable[[Part, Path, Path], dict[str, Any]] = workbench if is_workbench(document.value) else version1
    values = {key: value for key, value in reader(top, directory, path).items() if value is not None}
    values["unknown"] = top.rest(DEFAULTS)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explain(error, values, document, renamed=_THEIR_WORDS) from None
