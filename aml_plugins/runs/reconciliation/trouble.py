"""What is said, and done, while a run's compute target cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aml_plugins.runs.masking import without_secrets
from aml_plugins.runs.reconciliation.finalize import close, is_collected
from aml_plugins.runs.reconciliation.step import Step, moved
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import RunRecord

__all__ = ["GIVE_UP_SECONDS", "TELL_SECONDS", "Trouble", "tell", "tell_end", "trouble_of"]

TELL_SECONDS = 3.0
"""Trouble that is over sooner is nobody's business."""
GIVE_UP_SECONDS = 600.0
"""How long a run that is to be canceled waits for a target that does not answer: it may never come back."""
_TROUBLE = "trouble"
"""The cursor that has since when, and what was said last."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing is heard of a run.

    :param since: seconds since the epoch.
    :param said: the target's words, or what the network said.
    """

    target: str
    since: float
    said: str

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"No answer from compute target '{self.target}' since {moment}: {self.said}"

    @property
    def end(self) -> str:
        """What is said when it is over."""
        return f"The compute target '{self.target}' answers again."


def trouble_of(run: RunRecord) -> Trouble | None:
    """Return why nothing is heard of a run now; None where its target answers."""
    known = run.cursors.get(_TROUBLE)
    if not isinstance(known, Mapping):
        return None
    return Trouble(run.target, float(str(known.get("since") or 0)), str(known.get("said")))


def tell(step: Step, run: RunRecord, error: Exception, seconds: float) -> RunRecord:
    """Write down why a run does not go on, once for each reason; end one that is to be canceled after a while.

    :param seconds: how long this process has seen it: a clock that jumps gives nothing up.
    """
    known = trouble_of(run)
    since = known.since if known else time.time() - seconds
    asked = run.cancel_requested_at
    if asked is not None and min(seconds, time.time() - max(since, asked)) > GIVE_UP_SECONDS:
        return _give_up(step, run, error)
    said = without_secrets(step.context, run, str(error))
    if known and known.said == said:
        return run
    trouble: JsonObject = {"since": since, "said": said}
    cursors = {**run.cursors, _TROUBLE: trouble}
    words = str(Trouble(run.target, since, said))
    return step.written(step.save(replace(run, cursors=cursors, reason=_reason(run, words)), message=words))


def tell_end(step: Step, run: RunRecord) -> RunRecord:
    """Take back what :func:`tell` wrote, once the target answers."""
    known = trouble_of(run)
    if known is None or RunState(run.state).is_terminal:
        return run
    cursors = {name: value for name, value in run.cursors.items() if name != _TROUBLE}
    reason = None if run.reason == str(known) else run.reason
    return step.save(replace(run, cursors=cursors, reason=reason), message=known.end)


def _reason(run: RunRecord, words: str) -> str | None:
    """Leave alone why the job ended: a run that is finalizing has that there."""
    return run.reason if run.state == RunState.FINALIZING.value else words


def _give_up(step: Step, run: RunRecord, error: Exception) -> RunRecord:
    said = without_secrets(step.context, run, str(error))
    reason = (
        f"Canceled without its compute target, which has not answered for {GIVE_UP_SECONDS / 60:g} minutes: {said} "
        f"What the job left there is found, once it answers, by: aml compute gc {run.target}"
    )
    if run.state != RunState.FINALIZING.value:
        run = step.save(moved(run, RunState.FINALIZING))
    elif is_collected(run):
        return close(step, run)
    import shutil  # noqa: PLC0415  targets seldom stay away

    shutil.rmtree(step.staging(run), ignore_errors=True)
    return close(step, replace(run, outcome=RunState.CANCELED.value, reason=reason))
