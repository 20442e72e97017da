"""Which runs a driver may drive: jobs on somebody's own machine can be looked at from there alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.home import home_id

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["is_within_reach"]

ABANDONED_SECONDS = 3600.0
"""After so long without a driver, anybody may drive a run: its machine is gone, and it has to end, if only as lost.

Counted by the process that would take it: it has seen the run free and unchanged all that time.
"""


def is_within_reach(context: Context, run: RunRecord) -> bool:
    """Say whether this home's drivers can do something for the run.

    Without this, a monitor on another machine that shares the database would take jobs that it cannot see for lost.
    """
    home = run.source.get("home")
    if home is None or home == home_id(context.home):
        return True
    try:
        if not context.backends.get(run.workspace, run.target).is_own_machine:
            return True
    except Exception:  # noqa: BLE001  advance() says what is wrong with the target
        return True
    unchanged = (run.version, run.lease_owner, run.lease_until)
    return context.sightings.seconds(run.run_id, unchanged) >= ABANDONED_SECONDS
