"""Costly services end with the last test that has them: an idle Airflow or Kubernetes takes time from all others."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from services.selection import group_of

__all__ = ["pytest_runtest_teardown"]

OF_A_GROUP = frozenset(
    {
        "auth_server",
        "emulators_engine",
        "engine",
        "kubernetes",
        "livy",
        "mlflow_server",
        "networked_engine",
        "shared_worker",
        "spark_connect",
        "team_server",
        "world",
    }
)
"""Fixtures of the whole session whose tests run in one process, one behind the other."""
_STARTED = pytest.StashKey[dict[str, Any]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """Finish what only this test's group has where the next test is of another; pytest would at the session's end."""
    yield
    group = group_of(item)
    if group is None or not getattr(item.config.option, "loadgroup", False):
        return
    started = item.session.stash.setdefault(_STARTED, {})
    known = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    started |= {name: known[name][-1] for name in OF_A_GROUP & set(known)}
    if nextitem is not None and group_of(nextitem) != group:
        while started:
            started.popitem()[1].finish(item._request)  # type: ignore[attr-defined]
