"""Which run belongs to a task instance: one identity in every try, a new generation where a fresh run is wanted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from aml_airflow.plugins.begun import Begun
    from aml_plugins import Run, Workspace

__all__ = [
    "ENDED",
    "Claim",
    "claim",
    "is_maker",
    "made_by",
    "maker_of",
    "maker_tags",
    "mark_deferred",
    "mark_delivered",
    "newest_run",
    "same_maker",
    "tags_of",
]

DELIVERED = "aml.airflow.delivered"
"""Tag of a run whose success a task has returned: the task's ``max_tries`` and ``try_number`` at that moment."""

DEFERRED = "aml.airflow.deferred"
"""Tag of a run that a trigger waits for: the task's ``max_tries`` and ``try_number`` when it left its worker."""

MAKER = "aml.airflow.maker"
"""Tag of a model's version, an image or a service: the task instance that made it, and in which try."""

ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""The states of a run, or of any other task of a workspace, that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The idempotency key under which a try finds or submits its run.

    :param run: the run of an earlier try that this try goes on with.
    :param ending: the run of an earlier try that has to end, and has not yet; a fresh run waits for it.
    """

    key: str
    run: Run | None = None
    ending: Run | None = None


def claim(workspace: Workspace, instance: RuntimeTaskInstanceProtocol, *, durable: bool = True) -> Claim:
    """Return the task instance's newest run where this try goes on with it, else the key of its next one.

    :param durable: False: this try goes on with none.
    """
    newest, newest_key, key = _newest(workspace, instance)
    if newest is None:
        return Claim(key=key)
    status = newest.status
    if durable and _goes_on(newest, status, instance):
        return Claim(key=newest_key, run=newest)
    return Claim(key=key, ending=None if status in ENDED else newest)


def newest_run(workspace: Workspace, instance: RuntimeTaskInstanceProtocol | Begun) -> Run | None:
    """Return the run that a task instance submitted last, None where it submitted none."""
    return _newest(workspace, instance)[0]


def mark_delivered(run: Run, instance: RuntimeTaskInstanceProtocol) -> None:
    """Write down that this try returns the run's success."""
    run.tag(DELIVERED, _try(instance))


def mark_deferred(run: Run, instance: RuntimeTaskInstanceProtocol) -> None:
    """Write down that this try leaves its worker while a trigger waits for the run."""
    run.tag(DEFERRED, _try(instance))


def maker_tags(instance: RuntimeTaskInstanceProtocol) -> Mapping[str, str]:
    """Return the tags by which a next try finds what this one made, and people find who made it."""
    return {**tags_of(instance), MAKER: maker_of(instance)}


def maker_of(instance: RuntimeTaskInstanceProtocol) -> str:
    """Return the words for this try of the task instance."""
    return f"{_identity(instance)} {_try(instance)}"


def made_by(tags: Mapping[str, Any], instance: RuntimeTaskInstanceProtocol) -> bool:
    """Say whether something was made by an earlier try of this task instance that was not cleared since."""
    return same_maker(tags, instance) and _is_retry(str(tags[MAKER]).rpartition(" ")[2], instance)


def same_maker(tags: Mapping[str, Any], instance: RuntimeTaskInstanceProtocol | Begun) -> bool:
    """Say whether something was made by this task instance, cleared since or not."""
    return is_maker(str(tags.get(MAKER, "")), instance)


def is_maker(maker: str, instance: RuntimeTaskInstanceProtocol | Begun) -> bool:
    """Say whether these are the words for a try of this task instance."""
    return maker.rpartition(" ")[0] == _identity(instance)


def tags_of(instance: RuntimeTaskInstanceProtocol) -> Mapping[str, str]:
    """Return the tags by which the run is found in MLflow from the task instance."""
    return {
        "airflow.dag_id": instance.dag_id,
        "airflow.run_id": instance.run_id,
        "airflow.task_id": instance.task_id,
        "airflow.map_index": str(_map_index(instance)),
        "airflow.try_number": str(instance.try_number),
    }


def _newest(workspace: Workspace, instance: RuntimeTaskInstanceProtocol | Begun) -> tuple[Run | None, str, str]:
    """Return the newest run of a task instance, its key, and the key of the next one."""
    keys = (f"{_identity(instance)}/{generation}" for generation in itertools.count(1))
    newest: Run | None = None
    key = newest_key = next(keys)
    while (known := workspace.find_run(idempotency_key=key)) is not None:
        newest, newest_key, key = known, key, next(keys)
    return newest, newest_key, key


def _identity(instance: RuntimeTaskInstanceProtocol | Begun) -> str:
    """Return the task instance's name, the same in every try; Airflow allows no ``/`` in ids of DAGs and tasks."""
    return f"airflow/{instance.dag_id}/{instance.run_id}/{instance.task_id}/{_map_index(instance)}"


def _try(instance: RuntimeTaskInstanceProtocol) -> str:
    return f"{instance.max_tries}/{instance.try_number}"


def _map_index(instance: RuntimeTaskInstanceProtocol | Begun) -> int:
    return -1 if instance.map_index is None else instance.map_index


def _goes_on(run: Run, status: str, instance: RuntimeTaskInstanceProtocol) -> bool:
    """Say whether a try takes over the run of an earlier one, whose worker may have been killed at any moment."""
    record = run.record
    if status in {"Failed", "Canceled"} or record is None or record.released_at is not None:
        return False
    if record.cancel_requested_at is not None and status != "Completed":
        return False
    said = run.get_tags().get(DELIVERED if status == "Completed" else DEFERRED)
    return said is None or _is_retry(said, instance)


def _is_retry(said: str, instance: RuntimeTaskInstanceProtocol) -> bool:
    """Say whether this try follows the one that said so, and nobody cleared the task in between.

    The worker may have been killed between returning a success and Airflow's noting it; and a cleared task may begin
    anew before the triggerer cancels the run of the try that was deferred. A retry leaves ``max_tries`` as it was.
    Clearing a task adds its tries so far to it, and a DAG run that was deleted and created anew begins with the first
    try again: both want a fresh run.
    """
    max_tries, _, number = said.partition("/")
    return max_tries == str(instance.max_tries) and number.isdecimal() and int(number) < instance.try_number
