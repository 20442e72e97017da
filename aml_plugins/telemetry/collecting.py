"""From a run's record and its history to spans and measurements: pure, so that telling twice tells the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from aml_plugins.runs.states import RunState
from aml_plugins.telemetry.contract import Measurement, Span

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord, TaskEvent

__all__ = ["finished_run", "reached_state", "spans_of_run"]

LONGEST = 1000


def reached_state(run: RunRecord, event: TaskEvent) -> Measurement:
    """Count a run that reached a state."""
    attributes = {**_dimensions(run), "aml.state": event.new or ""}
    return Measurement(name="aml.runs", kind="count", value=1, time=event.time, attributes=attributes)


def finished_run(run: RunRecord, events: Sequence[TaskEvent]) -> list[Measurement]:
    """Measure how long a run took, and each of its states."""
    end = _end(run)
    whole = {**_dimensions(run), "aml.state": run.state}
    found = [
        Measurement(name="aml.run.duration", kind="seconds", value=end - run.created_at, time=end, attributes=whole)
    ]
    found += [
        Measurement(
            name="aml.run.state.duration",
            kind="seconds",
            value=until - since,
            time=until,
            attributes={**_dimensions(run), "aml.state": state},
        )
        for state, since, until, _ in _states(events)
    ]
    return found


def spans_of_run(
    run: RunRecord, events: Sequence[TaskEvent], tasks: Mapping[str, Sequence[TaskEvent]] | None = None
) -> list[Span]:
    """Return a finished run as a trace: the run, its states below it, and the tasks that belonged to it.

    :param events: of the run's own task, in order.
    :param tasks: events of other tasks by their id.
    """
    root = Span(
        trace_id=run.run_id,
        span_id=_id(run.run_id),
        parent_id=None,
        name=f"run {run.experiment_name}"[:LONGEST],
        start=run.created_at,
        end=_end(run),
        attributes=_attributes(run),
        # Only the first line: what follows are the last lines of the script's log.
        problem=(run.reason or "").partition("\n")[0][:LONGEST] if run.state == RunState.FAILED.value else None,
    )
    return [root, *_state_spans(run, root.span_id, events), *_task_spans(run, root.span_id, tasks or {})]


def _attributes(run: RunRecord) -> dict[str, str | int | float | bool]:
    return {
        **_dimensions(run),
        "aml.run_id": run.run_id,
        "aml.script": run.script,
        "aml.state": run.state,
        "aml.attempt": run.attempt,
        **({"aml.exit_code": run.exit_code} if run.exit_code is not None else {}),
        **({"aml.parent_run_id": run.parent_run_id} if run.parent_run_id else {}),
        **({"aml.error_code": run.error_code} if run.error_code else {}),
    }


def _state_spans(run: RunRecord, root: str, events: Sequence[TaskEvent]) -> Iterator[Span]:
    for state, since, until, sequence in _states(events):
        yield Span(
            trace_id=run.run_id,
            span_id=_id(f"{run.run_id} {sequence}"),
            parent_id=root,
            name=state,
            start=since,
            end=until,
            attributes={"aml.state": state},
        )


def _task_spans(run: RunRecord, root: str, tasks: Mapping[str, Sequence[TaskEvent]]) -> Iterator[Span]:
    for task_id, events in tasks.items():
        if events:
            yield Span(
                trace_id=run.run_id,
                span_id=_id(task_id),
                parent_id=root,
                name=events[0].kind,
                start=events[0].time,
                end=events[-1].time,
                attributes={"aml.task_id": task_id},
                problem=events[-1].message[:LONGEST] if events[-1].new == "Failed" else None,
            )


def _states(events: Sequence[TaskEvent]) -> Iterator[tuple[str, float, float, int]]:
    """Yield state, since, until and the number of the event that began it; the final state takes no time."""
    transitions = [event for event in events if event.new is not None]
    for first, then in pairwise(transitions):
        yield str(first.new), first.time, then.time, first.sequence


def _dimensions(run: RunRecord) -> dict[str, str | int | float | bool]:
    """What numbers are grouped by: few values each."""
    return {
        "aml.workspace": run.workspace,
        "aml.experiment": run.experiment_name[:LONGEST],
        "aml.target": run.target,
        "aml.target_type": run.target_type,
    }


def _end(run: RunRecord) -> float:
    return max(run.ended_at or run.updated_at, run.created_at)


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
