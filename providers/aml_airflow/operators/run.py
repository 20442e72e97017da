"""Submit a script directory and wait for its run."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator  # noqa: TID253  this is the leaf that Airflow loads

if TYPE_CHECKING:
    from airflow.sdk import Context  # noqa: TID253  types only

    from aml_plugins import Run, ScriptRunConfig, Workspace

__all__ = ["AmlRunOperator"]

DELIVERED = "aml.airflow.delivered"
"""Tag of a run whose success Airflow has taken over; a task that runs again after that was cleared by somebody."""


class AmlRunOperator(BaseOperator):
    """Run a script directory on a compute target, with its log in the task's log; return the run id.

    A worker that is killed loses nothing: the run goes on, and the task's next try finds it again, because its identity
    (DAG, run, task, map index) is the submission's idempotency key. A try after a run that *failed* starts a new run.
    Killing the task cancels the run.

    :param source_directory: the directory to submit. (templated)
    :param script: the script in it; None for the run configuration's. (templated)
    :param arguments: the script's arguments. (templated)
    :param target: the compute target's name; None for the run configuration's. (templated)
    :param experiment: the experiment's name; default: the DAG's id. (templated)
    :param run_config: name of a run configuration in the directory. (templated)
    :param environment_variables: set for the script; values may be ``secret://STORE/NAME``. (templated)
    :param workspace: the workspace; None for the one of the environment. (templated)
    :param store: the store's URI; None for the one of the environment. (templated)
    """

    template_fields: Sequence[str] = (
        "source_directory",
        "script",
        "arguments",
        "target",
        "experiment",
        "run_config",
        "environment_variables",
        "workspace",
        "store",
    )
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        source_directory: str,
        script: str | None = None,
        arguments: Sequence[Any] = (),
        target: str | None = None,
        experiment: str | None = None,
        run_config: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        workspace: str | None = None,
        store: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_directory = source_directory
        self.script = script
        self.arguments = arguments
        self.target = target
        self.experiment = experiment
        self.run_config = run_config
        self.environment_variables = environment_variables
        self.workspace = workspace
        self.store = store
        self._run: Run | None = None

    def execute(self, context: Context) -> str:
        """Submit, or find what an earlier try submitted; wait; return the run id."""
        from aml_plugins import Workspace  # noqa: PLC0415  DAG files are parsed without it

        workspace = Workspace.get(self.workspace, store=self.store)
        self._run = self._submit(workspace, context)
        self.log.info("Run %s is %s.", self._run.id, self._run.status)
        lines = _Lines(lambda line: self.log.info("%s", line))
        self._run.wait_for_completion(on_output=lines.feed)
        lines.close()
        self._run.tag(DELIVERED, "true")
        return self._run.id

    def on_kill(self) -> None:
        """Cancel the run."""
        if self._run is not None:
            self._run.cancel()

    def _submit(self, workspace: Workspace, context: Context) -> Run:
        """Return the run of this task instance: the newest that is not over and done with, else a new one."""
        experiment = workspace.experiment(self.experiment or context["ti"].dag_id)
        identity, config = _identity(context), self._config()
        for generation in itertools.count(1):
            key = f"{identity}/{generation}"
            known = workspace.find_run(idempotency_key=key)
            if known is None or not _is_over(known):
                return experiment.submit(config, name=context["ti"].task_id, idempotency_key=key)
        raise AssertionError("unreachable: the count has no end")

    def _config(self) -> ScriptRunConfig:
        from aml_plugins import ScriptRunConfig  # noqa: PLC0415  DAG files are parsed without it

        return ScriptRunConfig(
            self.source_directory,
            script=self.script,
            arguments=list(self.arguments) or None,
            run_config=self.run_config,
            compute_target=self.target,
            environment_variables=self.environment_variables,
        )


def _identity(context: Context) -> str:
    """Return the task instance's name, the same in every try."""
    instance = context["ti"]
    index = -1 if instance.map_index is None else instance.map_index
    return f"airflow/{instance.dag_id}/{instance.run_id}/{instance.task_id}/{index}"


def _is_over(run: Run) -> bool:
    """Say whether an earlier try's run is done with: it failed, or Airflow took over its success before a clear."""
    status = run.status
    return status in {"Failed", "Canceled"} or (status == "Completed" and DELIVERED in run.get_tags())


class _Lines:
    """Cut a stream of bytes into lines for the task's log."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._write(line)

    def close(self) -> None:
        if self._rest:
            self._write(self._rest)
