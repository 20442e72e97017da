"""Which tests run when, and which of them in one process."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

import pytest

__all__ = ["THOROUGH", "pytest_collection_modifyitems"]

_SAME_KILL = "the same kill at another step of the same code, as the kit of `local` has it at each"
THOROUGH: dict[str, str] = {
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]*-before]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]route-after]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]write-after]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_update_goes_on_and_somebody_serves_meanwhile[[]submit]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_update_goes_on_and_somebody_serves_meanwhile[[]delete]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deletion_goes_on[[]delete_service]": _SAME_KILL,
    "*/world/test_deferred.py::test_a_store_that_is_away_while_a_trigger_watches_is_waited_for": (
        "it waits out a client's patience, two minutes"
    ),
}
"""Tests that repeat on another part what a shorter one shows; ``make test THOROUGH=1`` runs them too."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a thorough run has, and keep the tests of a group in one process."""
    if not os.environ.get("THOROUGH"):
        left_out = [item for item in items if any(fnmatchcase(item.nodeid, pattern) for pattern in THOROUGH)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    if getattr(config.option, "loadgroup", False):
        for item in items:
            _mark_group(item)


def _mark_group(item: pytest.Item) -> None:
    """Write the group into the test's id, where pytest-xdist looks for it.

    It does so itself, but pytest 9.2 keeps ids elsewhere than pytest-xdist 3.8 writes them.
    """
    group = item.get_closest_marker("xdist_group")
    if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = type(item._id).parse(f"{item.nodeid}@{group.args[0]}")  # type: ignore[attr-defined]
