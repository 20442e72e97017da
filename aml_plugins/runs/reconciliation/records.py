"""Replay what a script logged through the Azure ML v1 API into MLflow, while it runs and once more at its end."""

from __future__ import annotations

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aml_plugins.compute.abilities import SupportsRecords
    from aml_plugins.compute.job import JobHandle
    from aml_plugins.runs.history import ModelVersion, RunHistory
    from aml_plugins.runs.records import ModelRequest, RecordReplay
    from aml_plugins.runs.states import MlflowStatus
    from aml_plugins.store.records import RunRecord

__all__ = ["RecordFeed"]

logger = logging.getLogger(__name__)

BLOCK = 1 << 20
LONGEST_LINE = 8 << 20
"""A script may write one endless line; the replay refuses what is longer anyway, piece by piece."""
REQUEST_TAG = "aml.request"


class RecordFeed:
    """How far one attempt's records were replayed. A new driver begins again: replaying twice changes nothing."""

    def __init__(self, history: RunHistory, run: RunRecord, uploads: Path | None = None) -> None:
        self._history = history
        self._run = run
        self._uploads = uploads
        self._cursor = ""

    @cached_property
    def _replay(self) -> RecordReplay:
        from aml_plugins.runs.records import RecordReplay  # noqa: PLC0415  many models of pydantic; most runs have none

        run = self._run
        return RecordReplay(
            self._history, run.run_id, run.experiment_id, self._uploads, parent_run_id=run.parent_run_id
        )

    def pull(self, backend: SupportsRecords, handle: JobHandle) -> None:
        """Replay what is new since the last pull."""
        chunk = backend.records(handle, self._cursor)
        if chunk.data:
            self._apply(chunk.data)
        self._cursor = chunk.cursor

    def finish(self, path: Path, status: MlflowStatus) -> None:
        """Replay the file that came home, end children that were left open, register the models that were asked for."""
        with path.open("rb") as file:
            while data := file.read(BLOCK) + file.readline(LONGEST_LINE):
                self._apply(data)
        self._replay.close_children(status, int(time.time() * 1000))
        register_requested(self._history, self._replay.models)

    def _apply(self, data: bytes) -> None:
        for problem in self._replay.apply(data):
            logger.warning("A record of the script was left out: %s", problem)


def register_requested(history: RunHistory, requests: Sequence[ModelRequest]) -> None:
    """Register the models that a script asked for, each once: the request's key is a tag of the version."""
    for request in requests:
        try:
            if not any(version.tags.get(REQUEST_TAG) == request.key for version in _versions(history, request.name)):
                tags = {**request.tags, REQUEST_TAG: request.key}
                history.register_model(request.name, request.run_id, request.path, tags=tags)
        except InvalidInputError as error:
            logger.warning("The model '%s' that the script asked for was not registered: %s", request.name, error)


def _versions(history: RunHistory, name: str) -> Sequence[ModelVersion]:
    try:
        return history.models(name)
    except NotFoundError:
        return []
