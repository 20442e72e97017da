"""The kit's obligations, against the emulator: container groups are containers of this machine's engine."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from aml_backends.aci.states import state_of
from aml_plugins.testing import ComputeBackendContract, OutageContract


class TestAci(ComputeBackendContract, OutageContract):
    factory_module = "aml_backends.aci.backend"
    sdk_modules = ("azure", "msal")

    @pytest.fixture
    def backend(self, aci):
        return aci

    @pytest.fixture
    def outage(self, azure):
        @contextmanager
        def outage():
            azure.faults.add("busy", path="/providers/", count=-1, seconds=3)
            try:
                yield
            finally:
                azure.faults.clear()

        return outage

    def job_state(self, native_state):
        return state_of(native_state)
