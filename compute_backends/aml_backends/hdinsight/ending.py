"""The end of a job that may still run: its agent ends the script and all that this started, Livy what has no agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.hdinsight.states import has_ended
from aml_plugins.compute import JobState
from aml_plugins.compute.sightings import Sightings
from aml_plugins.errors import NotYetDoneError

if TYPE_CHECKING:
    from aml_backends.hdinsight.looks import Looks
    from aml_backends.hdinsight.site import Site
    from aml_plugins.compute import JobHandle

__all__ = ["Ending"]

GRACE_SECONDS = 60.0
"""How long an agent that was asked to end may take before Livy is asked to kill its application."""


class Ending:
    """Ends jobs, and remembers when it first tried; a backend keeps one."""

    def __init__(self, site: Site, looks: Looks) -> None:
        self._site = site
        self._looks = looks
        self._sightings = Sightings()

    def ask(self, key: str) -> None:
        """Ask the agent; where there is none, or none that listens, have Livy kill the application."""
        batch = self._site.livy.find(key)
        if not self._site.staging.exists(key):
            return
        self._ask_agent(key)
        if batch and (not self._site.staging.exists(key, "claim") or self.has_waited(key)):
            self._site.livy.delete(int(batch["id"]))

    def settle(self, handle: JobHandle, batch: Mapping[str, Any]) -> None:
        """Let Spark end by itself what the script has ended: YARN's history calls the rest killed.

        A script that runs is ended first.

        :raises NotYetDoneError: while the batch is ending.
        """
        key = handle.job_id
        if has_ended(batch) or not self._site.staging.exists(key, "claim"):
            return
        status = self._looks.status(handle, batch)
        if not status.state.is_terminal:
            self._ask_agent(key)
        if status.state is not JobState.CANCELLED and not self.has_waited(key):
            raise NotYetDoneError(f"The job '{key}' is still ending on the cluster.", "Clean up again later.")

    def has_waited(self, key: str) -> bool:
        """Say whether an agent had its time: who cancels or cleans up asks again, and it is counted between looks."""
        return self._sightings.seconds(key) > GRACE_SECONDS

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        self._sightings.forget(key)

    def _ask_agent(self, key: str) -> None:
        if not self._site.staging.exists(key, "cancel"):
            self._site.staging.write(key, "cancel", b"asked")
