"""What is said, and done, while a run's compute target cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aml_plugins.runs.masking import without_secrets
from aml_plugins.runs.reconciliation.finalize import close, is_collected
from aml_plugins.runs.reconciliation.step import Step, moved
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import RunRecord

__all__ = ["GIVE_UP_SECONDS", "TELL_SECONDS", "tell", "tell_end"]

TELL_SECONDS = 3.0
"""Trouble that is over sooner is nobody's business."""
GIVE_UP_SECONDS = 600.0
"""How long a run that is to be canceled waits for a target that does not answer: it may never come back."""
_TROUBLE = "trouble"
"""The cursor that has since when, and what was said last."""


def tell(step: Step, run: RunRecord, error: Exception, seconds: float) -> RunRecord:
    """Write down why a run does not go on, once for each reason; end one that is to be canceled after a while.

    :param seconds: how long this process has seen it: a clock that jumps gives nothing up.
    """
    known = _known(run)
    since = float(known.get("since") or time.time())
    asked = run.cancel_requested_at
    if asked is not None and min(seconds, time.time() - max(since, asked)) > GIVE_UP_SECONDS:
        return _give_up(step, run, error)
    said = without_secrets(step.context, run, str(error))
    if known.get("said") == said:
        return run
    trouble: JsonObject = {"since": since, "said": said}
    cursors = {**run.cursors, _TROUBLE: trouble}
    return step.written(step.save(replace(run, cursors=cursors, reason=_reason(run, said)), message=said))


def tell_end(step: Step, run: RunRecord) -> RunRecord:
    """Take back what :func:`tell` wrote, once the target answers."""
    known = _known(run)
    if not known or RunState(run.state).is_terminal:
        return run
    cursors = {name: value for name, value in run.cursors.items() if name != _TROUBLE}
    reason = None if run.reason == known.get("said") else run.reason
    return step.save(
        replace(run, cursors=cursors, reason=reason), message=f"The compute target '{run.target}' answers again."
    )


def _known(run: RunRecord) -> Mapping[str, Any]:
    known = run.cursors.get(_TROUBLE)
    return known if isinstance(known, Mapping) else {}


def _reason(run: RunRecord, said: str) -> str | None:
    """Leave alone why the job ended: a run that is finalizing has that there."""
    return run.reason if run.state == RunState.FINALIZING.value else said


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
