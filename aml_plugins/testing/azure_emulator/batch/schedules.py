"""Job schedules: jobs that begin by the clock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.defaults import job_specification, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import iso, seconds_of

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.account import Account

__all__ = ["JobSchedule"]


class JobSchedule(Resource):
    """A schedule; its jobs are ``ID:job-N``, as Batch names them."""

    def __init__(self, account: Account, asked: Mapping[str, Any]) -> None:
        super().__init__(str(asked["id"]), f"{account.endpoint}/jobschedules/{asked['id']}", "active")
        self.account = account
        self.count = 0
        given = {name: value for name, value in told(asked).items() if name != "id" and value is not None}
        specification = job_specification(given["jobSpecification"], account.word)
        self.body |= {**given, "schedule": given.get("schedule") or {}, "jobSpecification": specification}
        self.body["executionInfo"] = {}
        self.plan()

    def plan(self, after: float | None = None) -> None:
        """Say when the next job begins."""
        schedule = self.body["schedule"]
        start = max(_time(schedule.get("doNotRunUntil")) or 0.0, time.time()) if after is None else after
        end = _time(schedule.get("doNotRunAfter"))
        if end is not None and start > end:
            self.enter("completed")
            return
        self.body["executionInfo"]["nextRunTime"] = iso(start)
        self.account.engine.after(max(0.0, start - time.time()), lambda: self._run(start))

    def _run(self, planned: float) -> None:
        if self.state != "active" or self.body["executionInfo"].get("nextRunTime") != iso(planned):
            return
        self.count += 1
        try:
            job = self.account.add_job({"id": f"{self.id}:job-{self.count}", **self.body["jobSpecification"]})
        except BatchProblem:  # too many jobs: as on Azure, this one is left out
            return
        info = self.body["executionInfo"]
        info.pop("nextRunTime", None)
        info["recentJob"] = {"id": job.id, "url": job.body["url"]}
        interval = seconds_of(str(self.body["schedule"].get("recurrenceInterval") or ""))
        if interval:
            self.plan(planned + interval)


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
