"""The run above the runs of a mapped task, so that a sweep is one line in MLflow that opens."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from aml_airflow.identity import tags_of

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from aml_plugins import Workspace

__all__ = ["ensure_parent", "is_mapped"]

_OF_ONE_INSTANCE = frozenset({"airflow.map_index", "airflow.try_number"})


def is_mapped(instance: RuntimeTaskInstanceProtocol) -> bool:
    """Say whether the task instance is one of several that ``expand`` made."""
    return instance.map_index is not None and instance.map_index >= 0


def ensure_parent(workspace: Workspace, instance: RuntimeTaskInstanceProtocol, experiment: str) -> str | None:
    """Return the id of the run above those of a mapped task, None for a task that is not mapped.

    Its id follows from who the task is, so that instances on any machine, at once or after a crash, mean the same run.
    It executes nothing, so it is finished from the beginning; each call moves its end to now.
    """
    if not is_mapped(instance):
        return None
    who = f"airflow-mapped/{workspace.name}/{instance.dag_id}/{instance.run_id}/{instance.task_id}/{experiment}"
    run_id = hashlib.sha256(who.encode()).hexdigest()[:32]
    history = workspace.context.history(workspace.name)
    now = int(time.time() * 1000)
    tags = {name: value for name, value in tags_of(instance).items() if name not in _OF_ONE_INSTANCE}
    history.create_run(run_id, history.ensure_experiment(experiment), name=instance.task_id, tags=tags, start_time=now)
    history.set_status(run_id, "FINISHED", end_time=now)
    return run_id
