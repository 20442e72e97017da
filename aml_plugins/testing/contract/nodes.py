"""A script on several nodes: for targets that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, JobHandle, JobState
from aml_plugins.testing.contract.base import ContractBase, fetched
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

__all__ = ["NodesContract"]

_MEET = """
import os, pathlib, socket, sys, time
rank, count, run = int(os.environ["AML_NODE_RANK"]), int(os.environ["AML_NODE_COUNT"]), os.environ["AML_RUN_ID"]
place = (os.environ["AML_MASTER_ADDRESS"], 20000 + int(run[-4:], 16) % 10000)
pathlib.Path("outputs/rank.txt").write_text(str(rank))
if rank == 0:
    server, met = socket.socket(), []
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", place[1]))  # its own name may not be known yet, as that of a pod that has just started
    server.listen()
    while len(met) < count - 1:
        met.append(server.accept()[0].makefile().readline().split())
    print(sorted(met))
while rank:
    try:
        socket.create_connection(place).sendall(b"%d %d\\n" % (rank, count))
        break
    except OSError:
        time.sleep(0.1)
print("node", rank)
"""
_SECOND_FAILS = """
import os, sys, time
print("begun", flush=True)
if os.environ["AML_NODE_RANK"] == "1":
    sys.exit(3)
time.sleep(3600)
"""
_ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"

StartOnNodes = Callable[[str], JobHandle]


class NodesContract(ContractBase):
    """Inherit beside ``ComputeBackendContract``; the target of the fixture ``backend`` has two nodes."""

    @pytest.fixture
    def start_on_nodes(self, backend: ComputeBackend, key: str, tmp_path: Path) -> StartOnNodes:
        """Submit a script for two nodes."""
        return lambda program: backend.submit(replace(make_job(tmp_path, key, program), node_count=2), key)

    def test_nodes_find_each_other(self, backend: ComputeBackend, start_on_nodes: StartOnNodes, tmp_path: Path) -> None:
        """Each has a rank, knows how many they are, and reaches the first, whose results are the job's."""
        handle = start_on_nodes(_MEET)
        status = wait_until_ended(backend, handle, self.patience)
        assert (status.state, status.exit_code) == (JobState.SUCCEEDED, 0), status.reason
        results = fetched(backend, handle, tmp_path)
        assert (results / "logs" / "std_log.txt").read_text() == "[['1', '2']]\nnode 0\n"
        assert (results / "outputs" / "rank.txt").read_text() == "0"
        assert (results / "logs" / "std_log_1.txt").read_text() == "node 1\n"

    def test_a_node_that_fails_fails_the_job_and_ends_the_others(
        self, backend: ComputeBackend, key: str, start_on_nodes: StartOnNodes
    ) -> None:
        status = wait_until_ended(backend, start_on_nodes(_SECOND_FAILS), self.patience)
        assert (status.state, status.exit_code, status.lost) == (JobState.FAILED, 3, False)
        assert "Node 1" in (status.reason or "")
        wait_until(lambda: not self.remaining_processes(key), self.patience)

    def test_cancel_ends_every_node(self, backend: ComputeBackend, key: str, start_on_nodes: StartOnNodes) -> None:
        handle = start_on_nodes(_ENDLESS)
        wait_until(lambda: is_running(backend, handle), self.patience)
        backend.cancel(handle)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED
        wait_until(lambda: not self.remaining_processes(key), self.patience)
