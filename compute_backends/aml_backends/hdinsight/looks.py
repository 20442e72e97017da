"""How jobs are, by what Livy has of them and what their runners last said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aml_backends.hdinsight.livy import LOG_LINES
from aml_backends.hdinsight.states import application_link, has_ended, job_status
from aml_plugins.compute.looking import Seen, seen_by
from aml_plugins.compute.sightings import Sightings
from aml_plugins.compute.turns import NOT_ASKED, Turns

if TYPE_CHECKING:
    from aml_backends.hdinsight.site import Site
    from aml_plugins.compute import JobHandle, JobStatus

__all__ = ["Looks"]

FEW = 5
"""Of so many jobs, all that runners say is read in every round."""
LOOK_AGAIN_SECONDS = 60.0
"""What the runner of a batch that Livy calls running last said is read again after so long."""
_FORFEITED = b"Livy lost the batch"

Batch = Mapping[str, Any] | None
"""What Livy has of a job, None where it has nothing."""
Said = Mapping[str, Any] | None
"""What a job's runner last said, None where it said nothing yet."""


class Looks:
    """What one process remembers of its looks at the jobs of a target; a backend keeps one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turns: Turns[Said] = Turns()
        self._sightings = Sightings()

    def status(self, handle: JobHandle, batch: Batch) -> JobStatus:
        """Return how a job is whose batch was looked for.

        :raises JobNotFoundError: where it has neither batch nor directory.
        """
        return self._judged(handle, batch, self._site.staging.statuses([handle.job_id])[handle.job_id])

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        """One list of Livy's; read is what runners said whose batch is over, and of the others a few in turn."""
        wanted = {handle.job_id: handle for handle in handles}
        batches = {str(batch.get("name")): batch for batch in self._site.livy.batches()}
        said = self._last_words(wanted, {key for key, batch in batches.items() if not has_ended(batch)})
        return {
            handle: seen_by(partial(self._judged, handle, batches.get(key), said[key])) if key in said else NOT_ASKED
            for key, handle in wanted.items()
        }

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        self._turns.forget(key)
        self._sightings.forget(key)

    def _last_words(self, keys: Collection[str], running: Collection[str]) -> Mapping[str, Said]:
        """Return what the runners last said, as far as anybody read it.

        :param running: the batches that Livy says are not over: their runners have little news.
        """
        quiet = [key for key in keys if key in running]
        read = set(keys).difference(quiet) | self._turns.take(quiet)
        for key, said in self._site.staging.statuses(read).items():
            is_running = said is not None and said.get("state") == "running"
            self._turns.looked(key, said, LOOK_AGAIN_SECONDS if is_running and len(keys) > FEW else 0.0)
        return {key: self._turns.last(key, None) for key in keys if key in self._turns}

    def _judged(self, handle: JobHandle, batch: Batch, said: Said) -> JobStatus:
        key, asked, has_begun = handle.job_id, False, said is not None
        if batch is None and said is None:
            batch = self._site.livy.find(key)  # a list may miss one, while another before it ends
            if batch is None:
                has_begun = self._has_begun(handle)
        if batch is None or has_ended(batch):
            asked = self._site.staging.exists(key, "cancel")
        if batch and said is None and has_ended(batch):
            batch = {**batch, "log": self._site.livy.log(int(batch["id"]), LOG_LINES)}
        silent = self._sightings.seconds(key, (said or {}).get("heartbeat"))
        status = job_status(batch, said, asked_to_end=asked, silent_seconds=silent, has_begun=has_begun)
        if status.state.is_terminal:  # Spark's page is gone, or about to go
            return status
        return replace(status, link=application_link(batch, self._site.config.livy))

    def _has_begun(self, handle: JobHandle) -> bool:
        """Say whether an agent has taken a job that Livy has lost. Where none has, none can from now on."""
        self._site.check_is_there(handle)
        return not self._site.staging.claim(handle.job_id, _FORFEITED)
