"""Clients that nobody here wrote: Airflow's operators for Azure Batch and Azure Container Instances."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from services.azure import batch_client, delete_pool
from services.azure_addresses import proxied
from services.docker_engine import DockerEngine
from services.requirements import require_service

from aml_plugins.testing.azure_emulator import AzureEmulator

TOOL = Path(__file__).parents[4] / "tools" / "airflow-azure"
PROGRAM = Path(__file__).parent / "programs" / "airflow_operators.py"
MACHINE = {
    "batch_pool_vm_size": "standard_d2s_v3",
    "vm_publisher": "canonical",
    "vm_offer": "0001-com-ubuntu-server-jammy",
    "vm_sku": "22_04-lts",
    "vm_version": "latest",
    "vm_node_agent_sku_id": "batch.node.ubuntu 22.04",
    "target_dedicated_nodes": 1,
}


@pytest.fixture(scope="module")
def airflow_python() -> str:
    found = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False).stdout.strip()
    require_service("Airflow with Microsoft's provider", found, "tools/airflow-azure install")
    return found


@pytest.fixture
def run(airflow_python: str, azure: AzureEmulator, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Run an operator to its end; return what it returned or raised."""
    settings = azure.settings
    principal = {"tenantId": settings.tenant, "subscriptionId": settings.subscription}
    connections = {
        "AIRFLOW_CONN_AZURE_BATCH_DEFAULT": {
            "conn_type": "azure_batch", "login": settings.account, "password": settings.key,
            "extra": {"account_url": azure.batch_url},
        },
        "AIRFLOW_CONN_AZURE_DEFAULT": {
            "conn_type": "azure", "login": "00000000-0000-0000-0000-000000000009", "password": "not a secret",
            "extra": principal,
        },
    }  # fmt: skip
    with proxied(azure) as proxy:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AZURE", "AML_"))},
            **{name: json.dumps(value) for name, value in connections.items()},
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(azure.certificate),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(operator: str, **arguments: Any) -> Any:
            command = [airflow_python, PROGRAM, operator, json.dumps(arguments)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout.splitlines()[-1])

        yield run


def test_a_job_of_batch(run: Callable[..., Any], azure: AzureEmulator) -> None:
    name = f"airflow-{uuid.uuid4().hex[:8]}"
    job = {"batch_pool_id": name, "batch_job_id": name, **MACHINE}
    try:
        command = "/bin/sh -c 'echo from $AZ_BATCH_TASK_ID'"
        assert run("batch", **job, batch_task_id="good", batch_task_command_line=command) == {"returned": None}
        with batch_client(azure) as client:
            assert b"".join(client.download_task_file(name, "good", "stdout.txt")) == b"from good\n"
        command = "/bin/sh -c 'exit 3'"
        ended = run("batch", **job, batch_task_id="bad", batch_task_command_line=command, should_delete_job=True)
        assert "fail" in ended["raised"].lower()
    finally:
        delete_pool(azure, name)


def test_a_container_group(run: Callable[..., Any], emulators_engine: DockerEngine) -> None:
    name = f"airflow-{uuid.uuid4().hex[:8]}"
    group = {
        "ci_conn_id": "azure_default", "resource_group": "team", "name": name, "region": "westus",
        "image": emulators_engine.image, "memory_in_gb": 0.5, "cpu": 1.0,
    }  # fmt: skip
    command = ["/opt/python/bin/python3", "-c", "import os; print(os.environ['WHO'])"]
    assert run("container", **group, command=command, environment_variables={"WHO": "me"}) == {"returned": 0}
    ended = run("container", **group, command=[*command[:2], "raise SystemExit(3)"])
    assert "3" in ended["raised"]
