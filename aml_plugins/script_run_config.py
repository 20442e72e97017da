"""What to run and how: a source directory, a script in it, and a run configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.data_reference import DataReference, data_section
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.source import check_directory

if TYPE_CHECKING:
    from aml_plugins.store.records import ComputeTargetRecord

__all__ = ["ScriptRunConfig"]


class ScriptRunConfig:
    """A script directory with its run configuration, as in Azure ML v1.

    :param source_directory: all of it travels to the target, less what its ignore file names.
    :param script: the script, relative to the directory.
    :param arguments: its arguments; numbers and paths become text, a :class:`DataReference` where its data are; a line
        is split as a shell splits it.
    :param run_config: a :class:`RunConfiguration`, or the name of one in the directory (``.aml/NAME.runconfig``).
    :param compute_target: the compute target, or its name.
    :param environment: an environment section, such as ``{"kind": "pip", "requirements": ["numpy"]}``.
    :param environment_variables: set for the script; values may be ``secret://STORE/NAME``.
    :param max_run_duration_seconds: after which the run is ended.
    :param data: inputs and outputs in datastores by name, such as
        ``{"images": {"datastore": "blob", "path": "images/2018", "mode": "download"}}``, or a list of references.
    """

    def __init__(
        self,
        source_directory: str | Path,
        script: str | None = None,
        arguments: Sequence[Any] | str | None = None,
        run_config: RunConfiguration | str | None = None,
        *,
        compute_target: str | ComputeTargetRecord | None = None,
        environment: Mapping[str, Any] | None = None,
        environment_variables: Mapping[str, str] | None = None,
        max_run_duration_seconds: float | None = None,
        data: Mapping[str, Any] | Iterable[DataReference] | None = None,
    ) -> None:
        self.source_directory = Path(source_directory)
        base = run_config if isinstance(run_config, RunConfiguration) else self._load(run_config)
        given = {
            "script": script,
            "arguments": _arguments(arguments) if arguments is not None else None,
            "target": getattr(compute_target, "name", compute_target),
            "environment": dict(environment) if environment is not None else None,
            "environment_variables": dict(environment_variables) if environment_variables is not None else None,
            "time_limit": max_run_duration_seconds,
            "data": data_section(data, () if isinstance(arguments, str) else arguments or ()) or None,
        }
        self.configuration = base.merged(**{name: value for name, value in given.items() if value is not None})

    def _load(self, name: str | None) -> RunConfiguration:
        if name is None:
            return RunConfiguration()
        check_directory(self.source_directory)
        return RunConfiguration.load(self.source_directory, name)


def _arguments(given: Sequence[Any] | str) -> list[Any] | str:
    """Return a line as it is: it is split as a shell does, not into its characters."""
    return given if isinstance(given, str) else [_plain(argument) for argument in given]


def _plain(argument: Any) -> Any:
    if isinstance(argument, DataReference):
        return str(argument)
    return os.fspath(argument) if isinstance(argument, os.PathLike) else argument
