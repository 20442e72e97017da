"""Bring results home from where they are, where a run's job and its artifacts lie on this machine: a link a file.

What has to be read or changed on its way (records, uploads, a database of MLflow's, a log with secrets) is fetched into
the run's staging directory first, as results from elsewhere are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from aml_plugins.compute.abilities import SupportsResultsInPlace
from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import InvalidInputError, JobNotFoundError
from aml_plugins.runs.history import TakesFiles
from aml_plugins.runs.reconciliation.step import Step, configuration

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["take_in_place"]

FEW_FILES = 20
FEW_BYTES = 1 << 20
"""So much is linked, or copied, in the time of a transaction: that the job has ended is written with its results."""

_PLAIN = ("outputs", "logs")
_OFFLINE_DATABASE = "outputs/mlflow.db"


def take_in_place(step: Step, run: RunRecord, below: str) -> Mapping[str, str] | None:
    """Put the results of a run without secrets into its artifacts; safe to repeat.

    :param below: the directory within ``outputs`` and ``logs`` for them; empty for these themselves.
    :return: where each file of the results is until the target is cleaned; None where they have to be fetched.
    :raises StoreError: where a file cannot be stored.
    """
    backend, history = step.backend(run), step.history(run)
    if not issubclass(type(backend), SupportsResultsInPlace) or not issubclass(type(history), TakesFiles):
        return None
    if configuration(run).data:
        return None
    try:
        results = cast("SupportsResultsInPlace", backend).results(JobHandle.from_dict(dict(run.handle or {})))
        found = {path: source for path, source in results if source is not None}
    except JobNotFoundError:  # the target lost the job, as the run's reason says: there is nothing to bring
        return {}
    if _OFFLINE_DATABASE in found or any(path.partition("/")[0] not in _PLAIN for path in found):
        return None
    files = [(source, _placed(path, below)) for path, source in found.items()]
    if len(files) > FEW_FILES or sum(os.path.getsize(source) for source in found.values()) > FEW_BYTES:  # noqa: PTH202
        step.written(run)  # others see it, and all that waits, before the results are home
    with suppress(InvalidInputError):  # deleted in MLflow: there is no place for its results
        return found if cast("TakesFiles", history).take(run.run_id, files) else None
    return found


def _placed(path: str, below: str) -> str:
    folder, _, rest = path.partition("/")
    return f"{folder}/{below}/{rest}" if below else path
