"""TaskFlow: ``@task.aml`` runs a Python function on a compute target."""

from __future__ import annotations

from aml_airflow.decorators.aml import aml_task

__all__ = ["aml_task"]
