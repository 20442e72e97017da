"""Wait for a run with its output in the task's log, and see to runs that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aml_airflow.airflow_errors import AirflowFailException
from aml_airflow.identity import ENDED
from aml_airflow.task_log import Lines
from aml_plugins.errors import AmlError, OperationFailedError

if TYPE_CHECKING:
    from aml_plugins import Run, Workspace

__all__ = ["cancel_by_key", "leave_to_monitor", "wait_with_log"]


def wait_with_log(run: Run, log: Any, *, shown: int = 0, was_killed: Callable[[], bool] = lambda: False) -> None:
    """Wait for the run's end, with its output in the log.

    :param shown: bytes of the output that are in the log already.
    :param was_killed: says whether the task itself had the run canceled.
    :raises AirflowFailException: where somebody else canceled it: there shall be no other try.
    :raises OperationFailedError: where it failed.
    """
    lines = Lines(lambda line: log.info("%s", line))
    left = shown

    def take(data: bytes) -> None:
        nonlocal left
        skipped = min(left, len(data))
        left -= skipped
        lines.feed(data[skipped:])

    try:
        run.wait_for_completion(on_output=take)
    except OperationFailedError as error:
        if run.status == "Canceled" and not was_killed():
            raise AirflowFailException(str(error)) from None
        raise
    finally:
        lines.close()


def cancel_by_key(workspace: Workspace, key: str | None) -> bool:
    """Cancel the run that has a key; say whether it is written down yet, so that nothing is left to do."""
    run = workspace.find_run(idempotency_key=key) if key else None
    if run is None:
        return False
    run.cancel()
    workspace.driver.release()
    return True


def leave_to_monitor(workspace: Workspace, key: str | None = None, *, run: Run | None = None) -> None:
    """See to it that a run that has not ended gets another driver: there may be no other try."""
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  DAG files are parsed without it

    with suppress(AmlError):  # the store may be what ended the try; the next one finds the run
        found = run or (workspace.find_run(idempotency_key=key) if key else None)
        if found is None or found.record is None or found.record.state in ENDED:
            return
        workspace.driver.release()
        ensure_monitor(workspace.context)
