"""DAGs of one task, tried again and again by a worker that may be killed anywhere."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from services.airflow_installation import Worker

_DAG = """
from datetime import timedelta
from airflow.sdk import DAG
from aml_airflow.operators.{module} import {operator}

with DAG({dag_id!r}, schedule=None):
    {operator}(task_id="task", retries=1, retry_delay=timedelta(0), {given})
"""


class OneTask:
    """A DAG of one task, with a DAG run whose task was not tried yet."""

    def __init__(self, worker: Worker, module: str, operator: str, **given: Any) -> None:
        self._worker = worker
        self._names = {"dag_id": f"dag_{os.getpid()}_{time.time_ns()}", "run_id": "manual__first"}
        arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
        file = worker.airflow.dags / f"{self._names['dag_id']}.py"
        names = {"module": module, "operator": operator, "dag_id": self._names["dag_id"]}
        file.write_text(_DAG.format(given=arguments, **names))
        worker.load(file)
        self.ask("create")

    def ask(self, action: str, **more: object) -> dict[str, Any]:
        return self._worker.ask(action, **self._names, **more)

    def lose_worker(self, after: str) -> None:
        """Make a try whose worker is killed right after a function, ``module:name``, returned."""
        with pytest.raises(ProcessLookupError):
            self.ask("attempt", interrupt=(after, int(signal.SIGKILL)))
        assert self.ask("lost")["state"] == "up_for_retry"


@pytest.fixture
def one_task(worker: Worker):
    """Make such a DAG of an operator and its arguments."""

    def make(module: str, operator: str, **given: Any) -> OneTask:
        return OneTask(worker, module, operator, **given)

    return make
