"""Cancel a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aml_airflow.identity import ENDED
from aml_airflow.operators.base import ADDRESS_FIELDS, DEFERRABLE, AmlBaseOperator
from aml_airflow.triggers.run import AmlRunTrigger
from aml_airflow.waiting import leave_to_monitor

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["AmlCancelRunOperator"]


class AmlCancelRunOperator(AmlBaseOperator):
    """Cancel a run and wait until it has ended; return the state in which it ended.

    A run that has ended already is left as it is: its state is returned.

    :param run_id: the run. (templated)
    :param deferrable: leave the worker until the run has ended.
    :param poll_interval: seconds between two looks of the triggerer at most.
    """

    template_fields: Sequence[str] = ("run_id", *ADDRESS_FIELDS)

    def __init__(
        self, *, run_id: str, deferrable: bool = DEFERRABLE, poll_interval: float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.deferrable = deferrable
        self.poll_interval = poll_interval

    def execute(self, context: Context) -> str:
        """Ask for the cancellation, and wait."""
        del context
        with self.opened() as workspace:
            run = workspace.get_run(self.run_id)
            if run.status not in ENDED:
                run.cancel()
            if self.deferrable and run.status not in ENDED:
                leave_to_monitor(workspace, run=run)
                self.defer(
                    trigger=AmlRunTrigger(
                        run_id=run.id,
                        log_bytes=None,
                        cancel_on_kill=False,
                        poll_interval=self.poll_interval,
                        **self.address.to_dict(),
                    ),
                    method_name="execute_complete",
                    timeout=self.execution_timeout,
                )
            return run.wait_for_completion(raise_on_error=False).status

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the state in which the run ended."""
        del context
        return str(event["state"])
