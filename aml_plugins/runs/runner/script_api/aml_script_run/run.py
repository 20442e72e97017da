"""``Run``: a child run, and the submitted run around the script."""

from __future__ import annotations

import os
from typing import Any

from .errors import (
    ModelPathNotFoundException,
    NotAvailableException,
    RunEnvironmentException,
    UserErrorException,
)
from .family_calls import FamilyCalls
from .file_calls import FileCalls
from .label_calls import LabelCalls
from .logging_calls import LoggingCalls
from .offline import _OfflineRun
from .session import current_session
from .state_calls import StateCalls
from .unavailable import UnavailableCalls
from .uploads import artifact_path, safe_segment
from .values import labels
from .workspace import Experiment


class RegisteredModel:
    """A model that will be registered when the run has ended; its version is known then."""

    version = None

    def __init__(self, name: str, path: str, tags: Any = None, properties: Any = None, description: Any = None) -> None:
        self.name = self.id = name
        self.path = path
        self.tags = dict(tags or {})
        self.properties = dict(properties or {})
        self.description = description

    def __repr__(self) -> str:
        return f"Model(name={self.name}, path={self.path})"


class Run(LoggingCalls, LabelCalls, FileCalls, StateCalls, FamilyCalls, UnavailableCalls):
    """A run of Azure ML v1, as a script meets it."""

    def __init__(self, experiment: Experiment | None, run_id: str, outputs: Any = None, **kwargs: Any) -> None:
        self._session = current_session()
        own = run_id == self._session.here.run_id
        known = None if own else self._session.find(run_id)
        self._run_id = known.run_id if known else run_id
        self._outputs = [outputs] if isinstance(outputs, str) else list(outputs or [])

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:
        """Return the run around this script, or one that prints what it is told.

        :raises RunEnvironmentException: outside a run, where ``allow_offline`` is False.
        """
        try:
            return _SubmittedRun(None, current_session().here.run_id)
        except RunEnvironmentException:
            if not allow_offline:
                raise
            return _OfflineRun(**kwargs)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        """Return the run around this script; deprecated."""
        _warn("Run.get_submitted_run() is deprecated, use Run.get_context() instead")
        return cls.get_context(allow_offline=False, **kwargs)

    @property
    def id(self) -> str:
        """Return the run's id, the same as in MLflow."""
        return self._run_id

    @property
    def identity(self) -> str:
        """Return the run's id with its kind."""
        return f"{type(self).__name__}#{self._run_id}"

    @property
    def type(self) -> str:
        """Return what made the run."""
        return "azureml.scriptrun" if isinstance(self, _SubmittedRun) else "azureml.childrun"

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        model_framework: Any = None,
        model_framework_version: Any = None,
        description: str | None = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> RegisteredModel:
        """Ask that a file or folder of this run becomes a model version once the run has ended.

        :raises ModelPathNotFoundException: where the run has no such file by now.
        """
        path = artifact_path(model_path or model_name)
        names = self.get_file_names()
        if not any(name == path or name.startswith(path + "/") for name in names):
            raise ModelPathNotFoundException(
                f"Could not locate the provided model_path {path} in the set of files uploaded to the run: {names}"
            )
        self._record("model", name=str(model_name), path=path, tags=labels({**(properties or {}), **(tags or {})}))
        return RegisteredModel(str(model_name), path, tags, properties, description)

    def get_secret(self, name: str) -> str:
        """Return a secret that the run configuration gives the script as a variable.

        :raises NotAvailableException: where there is none of the name.
        """
        from .secret_values import secret  # noqa: PLC0415 - few scripts ask

        return secret(name)

    def get_secrets(self, secrets: Any) -> dict[str, str]:
        """Return several secrets by name, each as :meth:`get_secret` does."""
        return {name: self.get_secret(name) for name in secrets}

    def __repr__(self) -> str:
        facts = (
            f"Experiment: {self._session.here.experiment}",
            f"Id: {self._run_id}",
            f"Type: {self.type}",
            f"Status: {self.status}",
        )
        return "Run({})".format(",\n".join(facts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._run_id == self._run_id

    def __hash__(self) -> int:
        return hash(self._run_id)

    def _sibling(self, run_id: str, outputs: list[str] | None = None) -> Run:
        if run_id == self._session.here.run_id:
            return _SubmittedRun(None, run_id)
        return _ParentRun(None, run_id) if run_id == self._session.here.parent_run_id else Run(None, run_id, outputs)

    def _upload_outputs(self) -> None:
        for folder in self._outputs:
            name = folder if not os.path.isabs(folder) else os.path.basename(folder)
            try:
                self.upload_folder(artifact_path(name), folder)
            except UserErrorException:
                self.upload_folder(safe_segment(os.path.basename(os.path.abspath(folder))), folder)


class _SubmittedRun(Run):
    """The run around the script: it ends as its script ends, whatever the script says before."""

    def complete(self) -> None:  # type: ignore[override]  # Azure ML's own signature
        """Say that all is logged; the run's state is its script's exit code."""

    def fail(self, error_details: Any = None, error_code: str | None = None) -> None:  # type: ignore[override]
        """Keep an error with the run; the run's state is its script's exit code."""
        super().fail(error_details, error_code, _set_status=False)

    def cancel(self) -> None:
        """Refuse, as Azure ML did."""
        _warn("cancel is not supported for submitted runs.")

    def start(self) -> None:
        """Nothing to do: the run around a script has started."""

    def __exit__(self, *args: Any) -> None:
        self.complete()

    @property
    def input_datasets(self) -> Any:
        """Return what the run reads, by the names of the run configuration: paths that are data sets, too."""
        return self._data("input_datasets", output=False)

    @property
    def output_datasets(self) -> Any:
        """Return where the run writes what goes to datastores, by the names of the run configuration."""
        return self._data("output_datasets", output=True)

    def _data(self, name: str, *, output: bool) -> Any:
        """A script may add its own, and finds them again."""
        from .data_sets import data_sets  # noqa: PLC0415 - few scripts ask

        return self._session.data.setdefault(name, data_sets(output=output))


class _ParentRun(Run):
    """The run above the submitted one, which other scripts may write to as well."""

    def _record(self, op: str, **fields: Any) -> None:
        if op not in ("log", "rows", "tags", "untag"):
            raise NotAvailableException(
                "This call of run.parent",
                "The run above a script takes metrics and tags from it; log the rest to the script's own run.",
            )
        super()._record(op, **fields)


def get_run(experiment: Any, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """Return a run of this script by its id."""
    return Run(experiment, run_id)


def _warn(message: str) -> None:
    import logging  # noqa: PLC0415 - costs more than the rest of this package, for two calls that scripts rarely make

    logging.getLogger("azureml.core.run").warning(message)
