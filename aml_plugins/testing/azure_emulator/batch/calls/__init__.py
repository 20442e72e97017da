"""The operations of the data plane by their names in the specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls import files, jobs, nodes, pools, schedules, tasks
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

CALLS: Mapping[str, Callable[[Account, Request], Answer]] = {
    **pools.CALLS,
    **nodes.CALLS,
    **jobs.CALLS,
    **tasks.CALLS,
    **files.CALLS,
    **schedules.CALLS,
}
