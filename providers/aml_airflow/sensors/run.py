"""Wait for a run that somebody else submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import PokeReturnValue  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.identity import ENDED
from aml_airflow.sensors.base import ADDRESS_FIELDS, AmlBaseSensor
from aml_airflow.triggers.run import AmlRunTrigger
from aml_plugins.errors import OperationFailedError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Run

__all__ = ["AmlRunSensor"]


class AmlRunSensor(AmlBaseSensor):
    """Waits until a run has ended; returns the state in which it did.

    :param run_id: the run. (templated)
    :param accept: the states that are good; any other fails the task.
    """

    template_fields: Sequence[str] = ("run_id", *ADDRESS_FIELDS)

    def __init__(self, *, run_id: str, accept: Sequence[str] = ("Completed",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.accept = accept

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        del context
        with self.opened() as workspace:
            run = workspace.get_run(self.run_id)
            state = run.status
            return PokeReturnValue(state in ENDED, self._checked(run, state) if state in ENDED else None)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the state in which the run ended."""
        del context
        with self.opened() as workspace:
            return self._checked(workspace.get_run(self.run_id), str(event["state"]))

    def trigger(self) -> AmlRunTrigger:
        """Return what waits in the triggerer."""
        return AmlRunTrigger(
            run_id=self.run_id,
            log_bytes=None,
            cancel_on_kill=False,
            poll_interval=self.poke_interval,
            **self.address.to_dict(),
        )

    def _checked(self, run: Run, state: str) -> str:
        if state not in self.accept:
            reason = run.record.reason if run.record is not None else None
            raise OperationFailedError(f"The run {run.id} ended as {state}. {reason or ''}".rstrip())
        return state
