"""Under CI all that a test needs has to be there: a skip is a failure, unless it is listed here with its reason."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from services.timeouts import tell_where

__all__ = ["ALLOWED", "pytest_make_collect_report", "pytest_runtest_makereport"]

ALLOWED: dict[str, str] = {
    "A small file system cannot be mounted here": "a container may forbid mounting, and nothing installs the right",
    "Airflow before 3.": "what an older Airflow does not have is named with each test",
    "Python 3.": "interpreters beside the machine's own come from pyenv or uv, not from a registry of packages",
    "the backend cannot ": "an ability that a target does not have is not tested; its reference page says so",
    "only root can make a ": "a small disk, a network: the gate may run as anybody",
}
"""How the reasons of skips begin that a machine cannot be relieved of, and why it cannot."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into a failure."""
    del item
    report = yield
    tell_where(call, report)
    if not hasattr(report, "wasxfail"):
        _fail_where_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    del collector
    report = yield
    _fail_where_skipped(report)
    return report


def _fail_where_skipped(report: Any) -> None:
    if report.outcome != "skipped" or os.environ.get("CI", "").lower() not in ("1", "true"):
        return
    reason = str(report.longrepr[2]).removeprefix("Skipped: ")
    if not reason.startswith(tuple(ALLOWED)):
        report.outcome = "failed"
        report.longrepr = f"Under CI a skip is a failure, unless tests/services/skips.py lists it: {reason}"
