"""Submit a script directory and wait for its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from aml_airflow.address import server_url
from aml_airflow.airflow_errors import AirflowException, AirflowTaskTimeout, TaskDeferralTimeout
from aml_airflow.cancellation import Cancellation
from aml_airflow.failures import in_airflows_words
from aml_airflow.grouping import ensure_parent
from aml_airflow.identity import ENDED, claim, mark_deferred, mark_delivered, tags_of
from aml_airflow.links.run import RUN_LINKS, publish_links
from aml_airflow.operators.base import ADDRESS_FIELDS, DEFERRABLE, AmlBaseOperator
from aml_airflow.operators.cancel_run import AmlCancelRunOperator
from aml_airflow.script_config import script_config
from aml_airflow.triggers.run import AmlRunTrigger
from aml_airflow.waiting import cancel_by_key, leave_to_monitor, wait_with_log

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Run, ScriptRunConfig, Workspace

__all__ = ["AmlCancelRunOperator", "AmlRunOperator"]


class AmlRunOperator(AmlBaseOperator):
    """Run a script directory on a compute target, with its log in the task's log; return the run id.

    A worker that is killed loses nothing: the run goes on, and the task's next try finds it again, because its identity
    (DAG, run, task, map index) is the submission's idempotency key. A try after a run that failed starts a new run, and
    so does a task that succeeded and was cleared. Killing the task, or its ``execution_timeout``, cancels the run; so
    does marking or clearing it while it is deferred.

    A mistake in the call fails the task at once; a run that failed is tried again as often as ``retries`` says; a run
    that somebody canceled is not.

    :param source_directory: the directory to submit. (templated)
    :param script: the script in it; None for the run configuration's. (templated)
    :param arguments: the script's arguments. (templated)
    :param target: the compute target's name; None for the run configuration's. (templated)
    :param experiment: the experiment's name; default: the DAG's id. (templated)
    :param run_name: the run's display name in MLflow; default: the task's id. (templated)
    :param run_config: name of a run configuration in the directory, or the keys of one as a mapping. (templated)
    :param environment: an environment section: ``{"kind": "pip", "requirements": ["numpy"]}``. (templated)
    :param environment_variables: set for the script; values may be ``secret://STORE/NAME``. (templated)
    :param data: inputs and outputs in datastores, by name. (templated)
    :param run_resources: what the script needs on each node: ``{"cpu": 2, "memory": "4Gi", "gpu": 1}``. (templated)
    :param max_run_duration_seconds: after which the run is ended.
    :param tags: of the run. (templated)
    :param parent_run_id: the run that this one is a child of. (templated)
    :param deferrable: leave the worker while the run goes on; the triggerer waits for it.
    :param durable: False: a try goes on with no earlier one's run; one that has not ended is canceled first.
    :param poll_interval: seconds between two looks of the triggerer at most.
    """

    template_fields: Sequence[str] = (
        "source_directory",
        "script",
        "arguments",
        "target",
        "experiment",
        "run_name",
        "run_config",
        "environment",
        "environment_variables",
        "data",
        "run_resources",
        "tags",
        "parent_run_id",
        *ADDRESS_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(
        ("arguments", "run_config", "environment", "environment_variables", "data", "run_resources", "tags"), "json"
    )
    operator_extra_links = RUN_LINKS
    shallow_copy_attrs: Sequence[str] = ("_cancellation", "_its_run")  # it has a queue, and a queue cannot be copied

    def __init__(
        self,
        *,
        source_directory: str,
        script: str | None = None,
        arguments: Sequence[Any] = (),
        target: str | None = None,
        experiment: str | None = None,
        run_name: str | None = None,
        run_config: str | Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        environment_variables: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        run_resources: Mapping[str, Any] | None = None,
        max_run_duration_seconds: float | None = None,
        tags: Mapping[str, str] | None = None,
        parent_run_id: str | None = None,
        deferrable: bool = DEFERRABLE,
        durable: bool = True,
        poll_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_directory = source_directory
        self.script = script
        self.arguments = arguments
        self.target = target
        self.experiment = experiment
        self.run_name = run_name
        self.run_config = run_config
        self.environment = environment
        self.environment_variables = environment_variables
        self.data = data
        self.run_resources = run_resources
        self.max_run_duration_seconds = max_run_duration_seconds
        self.tags = tags
        self.parent_run_id = parent_run_id
        self.deferrable = deferrable
        self.durable = durable
        self.poll_interval = poll_interval
        self._key: str | None = None
        self._its_run: Run | None = None
        self._cancellation: Cancellation | None = None
        self._killed_early = False

    def execute(self, context: Context) -> Any:
        """Submit, or find what an earlier try submitted; wait, here or in the triggerer; return the run id."""
        with in_airflows_words():
            connection = self.address.connection()
            workspace = self.address.open_by(connection)
            with Cancellation(lambda: cancel_by_key(workspace, self._key)) as cancellation:
                self._cancellation = cancellation
                try:
                    run = self._its_run = self._submit(workspace, cancellation, context)
                    self.log.info("Run %s is %s.", run.id, run.status)
                    publish_links(self, context["ti"], run, server_url(connection))
                    return self._finish(workspace, run, cancellation, context)
                except BaseException:  # a timeout of Airflow's is not an Exception, nor is a deferral
                    leave_to_monitor(workspace, self._key)
                    raise

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Take over from the triggerer: show the rest of the output, and return the run id."""
        with in_airflows_words():
            connection = self.address.connection()
            workspace = self.address.open_by(connection)
            run = self._its_run = workspace.get_run(str(event["run_id"]))
            publish_links(self, context["ti"], run, server_url(connection))
            wait_with_log(run, self.log, shown=int(event.get("log_bytes") or 0))
            return self._deliver(workspace, run, context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what OpenLineage hears of the run, its data and its place; asked where that provider is installed.

        A run that failed is told, too: without a method of its own for that the provider asks this one.
        """
        from aml_airflow.lineage import lineage_of  # noqa: PLC0415  an optional provider

        del task_instance
        return lineage_of(self._its_run)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Cancel the run where the time is up that the task had while it was deferred."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            with in_airflows_words():
                workspace = self.address.open()
                claimed = claim(workspace, context["ti"])
                run = claimed.run or claimed.ending  # the latter, as a rule: this try is no retry of itself
                if run is not None:
                    run.cancel()
                    leave_to_monitor(workspace, run=run)
            raise AirflowTaskTimeout(f"The run did not end within {self.execution_timeout}.") from None

    def on_kill(self) -> None:
        """Ask for the run's cancellation; Airflow calls this inside a signal handler."""
        if self._cancellation is None:
            self._killed_early = True
        else:
            self._cancellation.request()

    def _submit(self, workspace: Workspace, cancellation: Cancellation, context: Context) -> Run:
        """Return the run of this task instance: the newest where this try goes on with it, else a new one."""
        instance = context["ti"]
        claimed = claim(workspace, instance, durable=self.durable)
        if claimed.ending is not None:
            self.log.info("Waiting for run %s of an earlier try to end.", claimed.ending.id)
            claimed.ending.cancel()
            claimed.ending.wait_for_completion(raise_on_error=False)
        if self._killed_early or cancellation.requested:
            self._killed_early = False
            raise AirflowException("The task was killed before it submitted its run.")
        self._key = claimed.key
        if claimed.run is not None:
            self.log.info("Going on with run %s, which an earlier try submitted.", claimed.run.id)
            return claimed.run
        experiment = workspace.experiment(self.experiment or instance.dag_id)
        with self._config(context) as config:
            return experiment.submit(
                config,
                name=self.run_name or instance.task_id,
                tags={**(self.tags or {}), **tags_of(instance)},
                parent_run_id=self.parent_run_id or ensure_parent(workspace, instance, experiment.name),
                idempotency_key=claimed.key,
            )

    @contextmanager
    def _config(self, context: Context) -> Iterator[ScriptRunConfig]:
        """Yield what is to be submitted, and let go of it afterwards."""
        del context
        yield script_config(self, self.source_directory, self.script, self.arguments)

    def _result(self, workspace: Workspace, run: Run, context: Context) -> Any:
        """Return what the task returns once its run is complete."""
        if self.parent_run_id is None:
            ensure_parent(workspace, context["ti"], self.experiment or context["ti"].dag_id)
        return run.id

    def _deliver(self, workspace: Workspace, run: Run, context: Context) -> Any:
        result = self._result(workspace, run, context)
        mark_delivered(run, context["ti"])
        return result

    def _finish(self, workspace: Workspace, run: Run, cancellation: Cancellation, context: Context) -> Any:
        if self.deferrable and run.status not in ENDED:
            mark_deferred(run, context["ti"])
            self._defer(run)
        wait_with_log(run, self.log, was_killed=lambda: cancellation.requested)
        return self._deliver(workspace, run, context)

    def _defer(self, run: Run) -> NoReturn:
        self.defer(
            trigger=AmlRunTrigger(run_id=run.id, poll_interval=self.poll_interval, **self.address.to_dict()),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )
