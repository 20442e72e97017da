"""What a task submits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_plugins import ScriptRunConfig

__all__ = ["script_config"]


def script_config(task: Any, directory: str | Path, script: str | None, arguments: Sequence[Any]) -> ScriptRunConfig:
    """Return what an operator with the fields of ``AmlRunOperator`` submits.

    :param directory: the source directory, and ``script`` in it, which gets ``arguments``.
    :raises InvalidInputError: for a mistake in the run configuration.
    """
    from aml_plugins import RunConfiguration, ScriptRunConfig  # noqa: PLC0415  DAG files are parsed without it

    given = task.run_config
    config = ScriptRunConfig(
        directory,
        script=script,
        arguments=list(arguments) or None,
        run_config=RunConfiguration.from_json(given) if isinstance(given, Mapping) else given,
        compute_target=task.target,
        environment=task.environment,
        environment_variables=task.environment_variables,
        max_run_duration_seconds=task.max_run_duration_seconds,
        data=task.data,
    )
    if task.run_resources:
        config.configuration = config.configuration.merged(resources=dict(task.run_resources))
    return config
