"""Create and delete compute targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from aml_airflow.cancellation import Cancellation
from aml_airflow.failures import in_airflows_words
from aml_airflow.identity import is_maker, maker_of
from aml_airflow.operators.base import ADDRESS_FIELDS, DEFERRABLE, AmlBaseOperator
from aml_airflow.triggers.task import AmlTaskTrigger
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from aml_plugins import Workspace
    from aml_plugins.provisioning.operation import ComputeOperation

__all__ = ["AmlCreateComputeOperator", "AmlDeleteComputeOperator"]


class _ComputeOperator(AmlBaseOperator):
    """Asks for a compute target's creation or deletion, and waits for its end."""

    def __init__(self, *, compute_name: str, deferrable: bool = DEFERRABLE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.compute_name = compute_name
        self.deferrable = deferrable

    def _defer(self, operation: ComputeOperation, *, cancel_on_kill: bool) -> NoReturn:
        self.defer(
            trigger=AmlTaskTrigger(
                aml_task_id=operation.task.id, cancel_on_kill=cancel_on_kill, **self.address.to_dict()
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )


class AmlCreateComputeOperator(_ComputeOperator):
    """Create a compute target: a pool of Azure Batch, an AKS or HDInsight cluster; return its name.

    Asked again with the same settings, it is the same creation: a next try goes on with it, and a task that succeeded
    and was cleared finds the target there. Killing the task that began the creation cancels it, and what there is of it
    is deleted; a task that found the creation begun by somebody else only waits for it.

    :param compute_name: the target's name. (templated)
    :param compute_type: ``azure-batch``, ``aks``, ``hdinsight`` or a plugin's type that can be created. (templated)
    :param settings: the type's settings; see its reference page. (templated)
    :param timeout_seconds: how long it may take until it is ready.
    :param deferrable: leave the worker meanwhile; a monitor brings the target up.
    """

    template_fields: Sequence[str] = ("compute_name", "compute_type", "settings", *ADDRESS_FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    shallow_copy_attrs: Sequence[str] = ("_cancellation",)  # it has a queue, and a queue cannot be copied

    def __init__(
        self,
        *,
        compute_type: str,
        settings: Mapping[str, Any] | None = None,
        timeout_seconds: float = 3600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.compute_type = compute_type
        self.settings = settings
        self.timeout_seconds = timeout_seconds
        self._cancellation: Cancellation | None = None

    def execute(self, context: Context) -> str:
        """Write down that the target shall be, and wait until it is."""
        instance = context["ti"]
        with in_airflows_words():
            workspace = self.address.open()
            with Cancellation(lambda: self._take_back(workspace, instance)) as self._cancellation:
                operation = workspace.create_compute(
                    self.compute_type,
                    self.compute_name,
                    timeout_seconds=self.timeout_seconds,
                    maker=maker_of(instance),
                    **(self.settings or {}),
                )
                if self.deferrable and not operation.record.settled:
                    self._defer(operation, cancel_on_kill=is_maker(operation.maker, instance))
                operation.wait_for_completion(show_output=True)
                return self.compute_name

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the target's name, or fail with the reason why it could not be created."""
        del event
        return self.execute(context)

    def on_kill(self) -> None:
        """Cancel the creation, where this task began it; Airflow calls this inside a signal handler."""
        if self._cancellation is not None:
            self._cancellation.request()

    def _take_back(self, workspace: Workspace, instance: RuntimeTaskInstanceProtocol) -> bool:
        operation = workspace.compute_operation(self.compute_name)
        if operation is None:
            return False
        if operation.state == "Creating" and is_maker(operation.maker, instance):
            operation.cancel()
        return True


class AmlDeleteComputeOperator(_ComputeOperator):
    """Delete a compute target that was created here, and what it stands for; one that is gone already is fine.

    :param compute_name: the target's name. (templated)
    :param deferrable: leave the worker meanwhile; a monitor takes the target down.
    """

    template_fields: Sequence[str] = ("compute_name", *ADDRESS_FIELDS)

    def execute(self, context: Context) -> str:
        """Ask for the deletion, and wait until the target is gone."""
        del context
        with self.opened() as workspace:
            try:
                operation = workspace.delete_compute(self.compute_name)
            except NotFoundError:
                self.log.info("There is no compute target '%s'.", self.compute_name)
                return self.compute_name
            if self.deferrable and not operation.record.settled:
                self._defer(operation, cancel_on_kill=False)
            operation.wait_for_completion(show_output=True)
            return self.compute_name

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Make sure that the target is gone, or fail with the reason why it is not."""
        del event
        return self.execute(context)
