"""An MLflow project as a run of ours: its entry point names the script, its files the environment."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import active_run  # noqa: TID253  loaded by MLflow's backend only
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: TID253  likewise
from mlflow.projects import utils as mlflow_projects  # noqa: TID253  likewise
from mlflow.projects.submitted_run import SubmittedRun  # noqa: TID253  likewise
from mlflow.tracking import MlflowClient  # noqa: TID253  likewise
from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_ENTRY_POINT, MLFLOW_SOURCE_NAME  # noqa: TID253  likewise
from mlflow.utils.validation import _validate_param  # noqa: TID253  likewise
from mlflow.utils.workspace_utils import (  # noqa: TID253  likewise
    DEFAULT_WORKSPACE_NAME,
    resolve_entity_workspace_name,
)

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.monitoring import ensure_monitor
from aml_plugins.runs.project_environments import environment_of, variables_of
from aml_plugins.runs.run import Run
from aml_plugins.runs.states import RunState, mlflow_status
from aml_plugins.runs.submission import Submission, submit
from aml_plugins.script_run_config import ScriptRunConfig
from aml_plugins.store.opening import shown_uri
from aml_plugins.suggestions import did_you_mean
from aml_plugins.workspace import Workspace

__all__ = ["ProjectRun", "submit_project"]

# MLflow shows what its own loggers say, and its command line says nothing of a run that it does not wait for.
logger = logging.getLogger("mlflow.projects.aml")

SHELL_OPERATORS = frozenset("();<>|&")
_OF_MLFLOW = {value for name, value in vars(mlflow_projects).items() if name.startswith("PROJECT_")}


class ProjectRun(SubmittedRun):
    """What MLflow waits for."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    @property
    def run_id(self) -> str:
        """The run's id in MLflow."""
        return self._run.id

    def wait(self) -> bool:
        """Show the output, wait for the end, and say whether it went well."""
        try:
            self._run.wait_for_completion(show_output=True, raise_on_error=False)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # without the words that the run goes on: MLflow cancels it now
        return bool(self._run.status == RunState.COMPLETED.value)

    def get_status(self) -> str:
        """Return MLflow's word for the run's state."""
        return mlflow_status(RunState(self._run.status))

    def cancel(self) -> None:
        """Cancel the run, and wait until it has ended."""
        self._run.cancel()
        self._run.wait_for_completion(raise_on_error=False)


def submit_project(
    uri: str,
    *,
    entry_point: str,
    parameters: Mapping[str, Any],
    version: str | None,
    backend_config: Mapping[str, Any],
    tracking_uri: str,
    experiment_id: str,
) -> ProjectRun:
    """Submit an entry point of the project at ``uri`` (a directory, or a Git repository that MLflow fetches).

    :param backend_config: keys of a run configuration, and ``workspace``; MLflow's own keys are left out.
    :raises InvalidInputError: for an unknown key, another workspace than MLflow's, or an entry point that is not
        ``python SCRIPT ...``.
    """
    settings = _settings(backend_config)
    workspace = Workspace.get(_workspace(settings.pop("workspace", None)), store=tracking_uri)
    directory = Path(mlflow_projects.fetch_and_validate_project(uri, version, entry_point, parameters))  # type: ignore[no-untyped-call]  # MLflow's
    project = mlflow_projects.load_project(str(directory))  # type: ignore[no-untyped-call]  # likewise
    wanted = project.get_entry_point(entry_point)
    script, arguments = _command(wanted.compute_command(parameters, None), entry_point)
    if "environment" not in settings:
        settings["environment"] = environment_of(project)
        _lay_under(settings, "environment_variables", variables_of(project))
    _lay_under(settings, "tags", _tags(uri, entry_point))
    shown = _parameters(wanted, parameters)
    configuration = RunConfiguration().merged(script=script, arguments=arguments, **settings)
    around = active_run()  # a workflow's steps are its children, as where MLflow runs them itself
    submission = Submission(
        workspace=workspace.name,
        experiment=_experiment_name(tracking_uri, experiment_id),
        directory=directory,
        configuration=ScriptRunConfig(directory, run_config=configuration).configuration,
        parent_run_id=around.info.run_id if around else None,
        parameters=shown,
    )
    run = Run(workspace, submit(workspace.context, workspace.driver, submission))
    if not backend_config.get(mlflow_projects.PROJECT_SYNCHRONOUS, True):
        _leave(run)
    return ProjectRun(run)


def _lay_under(settings: dict[str, Any], key: str, values: Mapping[str, str]) -> None:
    """Add values; the caller's win, and are checked with all else where they are no mapping."""
    given = settings.get(key, {})
    if values and isinstance(given, Mapping):
        settings[key] = {**values, **given}


def _tags(uri: str, entry_point: str) -> dict[str, str]:
    """Return what MLflow's own backends note about a project; of a local one we have the directory."""
    fetched = "://" in uri and not uri.startswith("file:")
    return {MLFLOW_PROJECT_ENTRY_POINT: entry_point, **({MLFLOW_SOURCE_NAME: shown_uri(uri)} if fetched else {})}


def _parameters(entry_point: Any, given: Mapping[str, Any]) -> dict[str, str]:
    """Return all parameters of an entry point, also those that nobody gave, as they were before the shell saw them.

    :raises MlflowException: for one that MLflow does not take.
    """
    found = {**{name: known.default for name, known in entry_point.parameters.items()}, **given}
    parameters = {name: str(value) for name, value in found.items()}
    for name, value in parameters.items():
        _validate_param(name, value)  # type: ignore[no-untyped-call]  # MLflow's
    return parameters


def _leave(run: Run) -> None:
    """See to it that a run that MLflow does not wait for is driven."""
    run.workspace.driver.release()
    ensure_monitor(run.workspace.context)
    logger.info("Submitted run %s. Follow it with: aml run logs -f %s -w %s", run.id, run.id, run.workspace.name)


def _workspace(wanted: str | None) -> str:
    """Return the workspace that MLflow works in: it has made the experiment there already."""
    enabled: bool = MLFLOW_ENABLE_WORKSPACES.get()  # type: ignore[no-untyped-call]  # MLflow's
    active = resolve_entity_workspace_name(None) if enabled else DEFAULT_WORKSPACE_NAME
    if wanted not in (None, active):
        raise InvalidInputError(
            f"The backend configuration names the workspace '{wanted}', and MLflow works in '{active}'.",
            f"Set MLFLOW_ENABLE_WORKSPACES=true and MLFLOW_WORKSPACE={wanted}.",
        )
    return active


def _settings(backend_config: Mapping[str, Any]) -> dict[str, Any]:
    known = {*RunConfiguration.model_fields, "workspace"} - {"script", "arguments", "unknown"}
    settings = {key: value for key, value in backend_config.items() if key not in _OF_MLFLOW}
    for key in settings:
        if key not in known:
            raise InvalidInputError(
                f"The backend configuration has an unknown key '{key}'.{did_you_mean(key, known)}",
                f"It may have: {', '.join(sorted(known))}.",
            )
    return settings


def _command(command: str, entry_point: str) -> tuple[str, list[str]]:
    """Take ``python train.py --alpha 0.5`` apart."""
    words = shlex.split(command)
    starts_script = len(words) > 1 and Path(words[0]).name.startswith("python") and not words[1].startswith("-")
    if not starts_script or _needs_shell(command):
        raise InvalidInputError(
            f"The entry point '{entry_point}' runs '{command}', which is not 'python SCRIPT ARGUMENTS'.",
            "The backend 'aml' runs Python scripts; change the entry point's command.",
        )
    return words[1], words[2:]


def _needs_shell(command: str) -> bool:
    """Find operators outside quotes; as arguments of the script they would mean something else."""
    lexer = shlex.shlex(command, punctuation_chars=True)
    lexer.whitespace_split = True
    return any(SHELL_OPERATORS.issuperset(word) for word in lexer)


def _experiment_name(tracking_uri: str, experiment_id: str) -> str:
    name: str = MlflowClient(tracking_uri).get_experiment(experiment_id).name
    return name
