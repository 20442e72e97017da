"""The kit's obligations, against the emulator: real processes on directories that are nodes, real blobs."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from aml_backends.azure_batch.backend import AzureBatchBackend
from aml_backends.azure_batch.states import state_of
from aml_plugins.testing import ComputeBackendContract, NodesContract, OutageContract, RestartContract
from aml_plugins.testing.contract.results import ResultsContract


class TestAzureBatch(ComputeBackendContract, OutageContract, RestartContract):
    factory_module = "aml_backends.azure_batch.backend"
    sdk_modules = ("azure", "msal")

    @pytest.fixture
    def backend(self, batch):
        return batch

    @pytest.fixture
    def outage(self, azure):
        @contextmanager
        def outage():
            azure.faults.add("busy", count=-1, seconds=3)
            try:
                yield
            finally:
                azure.faults.clear()

        return outage

    @pytest.fixture(autouse=True)
    def _azure(self, azure):
        self._emulator = azure

    def lose_machine(self, backend, handle):
        del handle
        self._emulator.lose_node(backend.target.config.pool)

    def job_state(self, native_state):
        return state_of(native_state)


class TestAFolderOfAContainer(ResultsContract):
    """No URL for the whole container can be signed then: the job's courier sends the results itself."""

    @pytest.fixture
    def backend(self, azure_target):
        backend = AzureBatchBackend(azure_target(prefix="a folder/of ours"))
        yield backend
        backend.close()


class TestSeveralNodes(NodesContract):
    @pytest.fixture
    def backend(self, azure_target):
        backend = AzureBatchBackend(azure_target(multi_node=True))
        yield backend
        backend.close()
