"""The attempts at a run: whether another one is due, and what became of the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import RunRecord

__all__ = [
    "GENERATION",
    "LINK",
    "LOST_MARK",
    "Attempt",
    "attempts_of",
    "last_start",
    "log_path",
    "next_attempt_cursors",
    "retry_is_due",
    "without_log",
]

LOST_MARK = "lost"
"""The cursor that says whether the present attempt's job lost its machine."""
LINK = "link"
"""The cursor that has the page where the target itself shows the present attempt's job."""
GENERATION = "generation"
"""The cursor that says which start of the present attempt's job was seen last, where its target begins jobs anew."""
_EARLIER = "attempts"
_TAIL = " The last lines of its log:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a run.

    :param number: 1 for the first.
    :param state: a run state; ``Failed`` for every attempt that another one followed.
    :param lost: whether its machine was lost, and the script did not fail by itself.
    :param job: the job's name on the target, None where it was never submitted.
    :param log: where its log lies among the run's files, once it has ended.
    """

    number: int
    state: str
    reason: str | None
    lost: bool
    exit_code: int | None
    job: str | None
    started_at: float | None
    ended_at: float | None
    log: str


def attempts_of(run: RunRecord) -> Sequence[Attempt]:
    """Return all attempts at a run, the present or last one at the end."""
    earlier = [Attempt(**{**one, "log": log_path(int(one["number"]))}) for one in _earlier(run)]
    return [*earlier, Attempt(**_facts(run), state=run.state, log=log_path(None))]


def last_start(run: RunRecord) -> int:
    """Return which start of the present attempt's job was seen last; 0 where its target begins each once."""
    found = run.cursors.get(GENERATION)
    return found if isinstance(found, int) else 0


def without_log(reason: str | None) -> str:
    """Return why a run ended without the last lines of its log, for those who have read it."""
    return (reason or "").partition(_TAIL)[0]


def log_path(attempt: int | None) -> str:
    """Return where an attempt's log lies among the run's files; None is the last attempt, whichever it is."""
    return "logs/std_log.txt" if attempt is None else f"logs/attempt-{attempt}/std_log.txt"


def retry_is_due(run: RunRecord) -> bool:
    """Say whether a run whose job has ended is to be tried again.

    A lost machine counts against ``loss_retries`` where that is given, and against ``retries`` otherwise.
    """
    if run.outcome != RunState.FAILED.value or run.handle is None or run.cancel_requested_at is not None:
        return False
    config = RunConfiguration.from_json(run.config)
    if config.loss_retries is None:
        return run.attempt <= config.retries
    losses = sum(bool(one["lost"]) for one in _earlier(run))
    if run.cursors.get(LOST_MARK):
        return losses < config.loss_retries
    return run.attempt - 1 - losses < config.retries


def next_attempt_cursors(run: RunRecord) -> JsonObject:
    """Return the cursors with which the next attempt begins: nothing but what became of the earlier ones."""
    return {_EARLIER: [*_earlier(run), {**_facts(run), "state": RunState.FAILED.value}]}


def _facts(run: RunRecord) -> dict[str, Any]:
    return {
        "number": run.attempt,
        "reason": without_log(run.reason) or None,
        "lost": bool(run.cursors.get(LOST_MARK)),
        "exit_code": run.exit_code,
        "job": str(run.handle["job_id"]) if run.handle else None,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def _earlier(run: RunRecord) -> list[Mapping[str, Any]]:
    found = run.cursors.get(_EARLIER)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, (list, tuple)) else []
