from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from services.azure import add_pool, batch_client, delete_pool

from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import wait_until


@pytest.fixture(scope="module")
def emulator() -> Iterator[AzureEmulator]:
    """Answers what was recorded, without credentials; all that is asked and answered keeps to the specifications."""
    with AzureEmulator(Settings(check_credentials=False, validate=True)) as emulator:
        yield emulator
        assert emulator.violations == []


class Account:
    """Microsoft's client, a pool of two nodes, and jobs that go with the test."""

    def __init__(self, emulator: AzureEmulator, pool: str) -> None:
        self.emulator = emulator
        self.client = batch_client(emulator)
        self.pool = pool
        self.jobs: list[str] = []

    def job(self, **more: Any) -> str:
        name = f"job-{uuid.uuid4().hex[:8]}"
        self.client.create_job({"id": name, "poolInfo": {"poolId": self.pool}, **more})
        self.jobs.append(name)
        return name

    def run(self, job: str, command: str, task: str = "t", **more: Any) -> Any:
        """Run a shell command as a task to its end."""
        self.add(job, command, task, **more)
        return self.ended(job, task)

    def add(self, job: str, command: str, task: str = "t", **more: Any) -> None:
        self.client.create_task(job, {"id": task, "commandLine": f"/bin/sh -c '{command}'", **more})

    def ended(self, job: str, task: str = "t") -> Any:
        wait_until(lambda: self.client.get_task(job, task).state == "completed")
        return self.client.get_task(job, task)

    def text(self, job: str, path: str = "stdout.txt", task: str = "t", **more: Any) -> str:
        return b"".join(self.client.download_task_file(job, task, path, **more)).decode()


@pytest.fixture
def account(azure) -> Iterator[Account]:
    pool = f"pool-{uuid.uuid4().hex[:8]}"
    add_pool(azure, pool, enableInterNodeCommunication=True)
    account = Account(azure, pool)
    yield account
    for job in account.jobs:
        account.emulator.account.jobs.pop(job, None)
    delete_pool(azure, pool)
    account.client.close()


@pytest.fixture
def refused() -> Callable[..., None]:
    """Assert that a call is answered with a code and a status."""
    from azure.core.exceptions import HttpResponseError

    def refused(code: str, status: int, call: Callable[[], object]) -> HttpResponseError:
        with pytest.raises(HttpResponseError) as raised:
            call()
        assert (raised.value.error.code, raised.value.status_code) == (code, status)
        return raised.value

    return refused
