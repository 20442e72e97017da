"""What all runs of one process share: where they are, the writing end and the reading end of the records."""

from __future__ import annotations

import functools
import os
from typing import Any

from .errors import RunEnvironmentException
from .facts import Facts, Reading
from .journal import Journal
from .surroundings import Surroundings
from .uploads import Uploads


class Session:
    """One records file and the runs in it."""

    def __init__(self, here: Surroundings) -> None:
        self.here = here
        self.journal = Journal(here.records)
        self.reading = Reading(here.records, here.run_id)
        self.data: dict[str, Any] = {}

    def uploads(self, run_id: str) -> Uploads:
        """Return the copies of one run's files."""
        return Uploads(self.here.uploads, run_id)

    def find(self, run_id: str) -> Facts | None:
        """Return the run of this id, ours or the one that the script chose for a child."""
        runs = self.reading.all()
        known = runs.get(run_id)
        return known or next((run for run in runs.values() if run.key and run.key == run_id), None)


def inside_a_run() -> bool:
    """Return whether the runner started this process for a run."""
    return Surroundings(os.environ).complete


def current_session() -> Session:
    """Return the session of this process' run.

    :raises RunEnvironmentException: outside a run.
    """
    here = Surroundings(os.environ)
    if not here.complete:
        raise RunEnvironmentException(
            "Could not load a submitted run: AML_RUN_ID and AML_RECORDS are not set. Submit the script with "
            "'aml run submit', or call Run.get_context(allow_offline=True)."
        )
    return _session(here.run_id, here.records, here.directory)


@functools.lru_cache(maxsize=None)
def _session(*_key: Any) -> Session:
    return Session(Surroundings(os.environ))
