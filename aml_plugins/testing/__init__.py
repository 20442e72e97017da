"""For authors of plugins: tests that a backend inherits (``pip install 'aml-plugins[testing]'``)."""

from __future__ import annotations

from aml_plugins.testing.compute_contract import ComputeBackendContract
from aml_plugins.testing.jobs import make_job, wait_until_ended

__all__ = ["ComputeBackendContract", "make_job", "wait_until_ended"]
