"""What an older Airflow does not have: ``tools/airflow test VERSION`` runs the provider's tests in one."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

__all__ = ["since_airflow"]


def since_airflow(first: str, what: str) -> pytest.MarkDecorator:
    """Leave a test out where Airflow is older than the first version that has what it is about."""
    older = Version(version("apache-airflow-core")) < Version(first)
    return pytest.mark.skipif(older, reason=f"Airflow before {first} does not have it: {what}")
