"""For authors of plugins: tests that a backend inherits, a clock and a backend of pretence (``aml-plugins[testing]``).

Loaded when first used: pytest must be able to rewrite the assertions before anything here is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_plugins.testing.compute_contract import ComputeBackendContract
    from aml_plugins.testing.contract.nodes import NodesContract
    from aml_plugins.testing.contract.outage import OutageContract
    from aml_plugins.testing.contract.restarts import RestartContract
    from aml_plugins.testing.fake_backend import FakeBackend, FakeJob
    from aml_plugins.testing.fake_clock import FakeClock
    from aml_plugins.testing.jobs import make_job, wait_until_ended
    from aml_plugins.testing.service_contract import ServiceTypeContract

__all__ = [
    "ComputeBackendContract",
    "FakeBackend",
    "FakeClock",
    "FakeJob",
    "NodesContract",
    "OutageContract",
    "RestartContract",
    "ServiceTypeContract",
    "make_job",
    "wait_until_ended",
]

_MODULES = {
    "ComputeBackendContract": "compute_contract",
    "FakeBackend": "fake_backend",
    "FakeClock": "fake_clock",
    "FakeJob": "fake_backend",
    "NodesContract": "contract.nodes",
    "OutageContract": "contract.outage",
    "RestartContract": "contract.restarts",
    "ServiceTypeContract": "service_contract",
    "make_job": "jobs",
    "wait_until_ended": "jobs",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
