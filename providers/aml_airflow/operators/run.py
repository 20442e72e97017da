"""Submit a script directory and wait for its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator  # noqa: TID253  this is the leaf that Airflow loads
from airflow.sdk.exceptions import AirflowException, AirflowFailException  # noqa: TID253  see above

from aml_airflow.cancellation import Cancellation
from aml_airflow.grouping import ensure_parent
from aml_airflow.identity import ENDED, claim, mark_delivered, tags_of
from aml_airflow.task_log import Lines

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Run, ScriptRunConfig, Workspace

__all__ = ["AmlRunOperator"]


class AmlRunOperator(BaseOperator):
    """Run a script directory on a compute target, with its log in the task's log; return the run id.

    A worker that is killed loses nothing: the run goes on, and the task's next try finds it again, because its identity
    (DAG, run, task, map index) is the submission's idempotency key. A try after a run that failed starts a new run, and
    so does a task that succeeded and was cleared. Killing the task, or its ``execution_timeout``, cancels the run.

    A mistake in the call fails the task at once; a run that failed is tried again as often as ``retries`` says; a run
    that somebody canceled is not.

    :param source_directory: the directory to submit. (templated)
    :param script: the script in it; None for the run configuration's. (templated)
    :param arguments: the script's arguments. (templated)
    :param target: the compute target's name; None for the run configuration's. (templated)
    :param experiment: the experiment's name; default: the DAG's id. (templated)
    :param run_config: name of a run configuration in the directory. (templated)
    :param environment: an environment section, such as ``{"kind": "pip", "requirements": ["numpy"]}``. (templated)
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
        "environment",
        "environment_variables",
        "workspace",
        "store",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "arguments": "json",
        "environment": "json",
        "environment_variables": "json",
    }
    ui_color = "#e8f1fb"
    shallow_copy_attrs: Sequence[str] = ("_cancellation",)  # it has a queue, and a queue cannot be copied

    def __init__(
        self,
        *,
        source_directory: str,
        script: str | None = None,
        arguments: Sequence[Any] = (),
        target: str | None = None,
        experiment: str | None = None,
        run_config: str | None = None,
        environment: Mapping[str, Any] | None = None,
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
        self.environment = environment
        self.environment_variables = environment_variables
        self.workspace = workspace
        self.store = store
        self._cancellation: Cancellation | None = None
        self._killed_early = False

    def execute(self, context: Context) -> Any:
        """Submit, or find what an earlier try submitted; wait; return the run id."""
        from aml_plugins import Workspace  # noqa: PLC0415  DAG files are parsed without it
        from aml_plugins.errors import AmlError, InvalidInputError, PluginError  # noqa: PLC0415  as above

        try:
            workspace = Workspace.get(self.workspace, store=self.store)
            with Cancellation(workspace) as cancellation:
                self._cancellation = cancellation
                return self._run_in(workspace, cancellation, context)
        except (InvalidInputError, PluginError) as error:
            raise AirflowFailException(str(error)) from None
        except AmlError as error:
            raise AirflowException(str(error)) from None

    def on_kill(self) -> None:
        """Ask for the run's cancellation; Airflow calls this inside a signal handler."""
        if self._cancellation is None:
            self._killed_early = True
        else:
            self._cancellation.request()

    def _run_in(self, workspace: Workspace, cancellation: Cancellation, context: Context) -> Any:
        try:
            run = self._submit(workspace, cancellation, context)
            self.log.info("Run %s is %s.", run.id, run.status)
            self._wait(run, cancellation)
            result = self._result(workspace, run, context)
            mark_delivered(run, context["ti"])
        except BaseException:  # a timeout of Airflow's is not an Exception
            _leave_to_monitor(workspace, cancellation.key)
            raise
        return result

    def _submit(self, workspace: Workspace, cancellation: Cancellation, context: Context) -> Run:
        """Return the run of this task instance: the newest where this try goes on with it, else a new one."""
        instance = context["ti"]
        claimed = claim(workspace, instance)
        if claimed.ending is not None:
            self.log.info("Waiting for the canceled run %s to end.", claimed.ending.id)
            claimed.ending.wait_for_completion(raise_on_error=False)
        if self._killed_early or cancellation.requested:
            self._killed_early = False
            raise AirflowException("The task was killed before it submitted its run.")
        cancellation.key = claimed.key
        if claimed.run is not None:
            self.log.info("Going on with run %s, which an earlier try submitted.", claimed.run.id)
            return claimed.run
        experiment = workspace.experiment(self.experiment or instance.dag_id)
        with self._config(context) as config:
            return experiment.submit(
                config,
                name=instance.task_id,
                tags=tags_of(instance),
                parent_run_id=ensure_parent(workspace, instance, experiment.name),
                idempotency_key=claimed.key,
            )

    def _result(self, workspace: Workspace, run: Run, context: Context) -> Any:
        """Return what the task returns once its run is complete."""
        ensure_parent(workspace, context["ti"], self.experiment or context["ti"].dag_id)
        return run.id

    @contextmanager
    def _config(self, context: Context) -> Iterator[ScriptRunConfig]:
        """Yield what is to be submitted, and let go of it afterwards."""
        from aml_plugins import ScriptRunConfig  # noqa: PLC0415  DAG files are parsed without it

        del context
        yield ScriptRunConfig(
            self.source_directory,
            script=self.script,
            arguments=list(self.arguments) or None,
            run_config=self.run_config,
            compute_target=self.target,
            environment=self.environment,
            environment_variables=self.environment_variables,
        )

    def _wait(self, run: Run, cancellation: Cancellation) -> None:
        """Wait for the run's end, with its output in the task's log."""
        from aml_plugins.errors import OperationFailedError  # noqa: PLC0415  DAG files are parsed without it

        lines = Lines(lambda line: self.log.info("%s", line))
        try:
            run.wait_for_completion(on_output=lines.feed)
        except OperationFailedError as error:
            if run.status == "Canceled" and not cancellation.requested:
                raise AirflowFailException(str(error)) from None  # somebody did not want it: no other try
            raise
        finally:
            lines.close()


def _leave_to_monitor(workspace: Workspace, key: str | None) -> None:
    """See to it that a run that has not ended gets another driver: there may be no other try."""
    from aml_plugins.errors import AmlError  # noqa: PLC0415  DAG files are parsed without it
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  as above

    with suppress(AmlError):  # the store may be what ended the try; the next one finds the run
        run = workspace.find_run(idempotency_key=key) if key else None
        if run is None or run.record is None or run.record.state in ENDED:
            return
        workspace.driver.release()
        ensure_monitor(workspace.context)
