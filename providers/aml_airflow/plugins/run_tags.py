"""Tag every MLflow run that a task opens with the task that opened it, whatever operator that is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl  # noqa: TID253  this is the leaf that Airflow loads
from airflow.plugins_manager import AirflowPlugin  # noqa: TID253  see above

from aml_airflow.identity import tags_of

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

__all__ = ["AmlRunTagsPlugin", "RunTags"]

_RUN_CONTEXT = "MLFLOW_RUN_CONTEXT"
"""MLflow adds the tags in this variable, a JSON object, to each run that a process opens, and so do its children."""


class RunTags:
    """Listens to tasks where they run. Imports no MLflow and asks nobody: it sets a variable of the task's process."""

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: RuntimeTaskInstanceProtocol) -> None:
        """Let MLflow know whose task this is."""
        del previous_state
        os.environ[_RUN_CONTEXT] = json.dumps({**_given(), **tags_of(task_instance)})


def _given() -> dict[str, Any]:
    """Return the tags that somebody else has put there."""
    try:
        found = json.loads(os.environ.get(_RUN_CONTEXT) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class AmlRunTagsPlugin(AirflowPlugin):
    """Brings the listener."""

    name = "aml_run_tags"
    listeners = [RunTags()]  # noqa: RUF012  Airflow reads it so
