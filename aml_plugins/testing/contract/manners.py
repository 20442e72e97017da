"""How a backend behaves towards the process it lives in: pure plans, no secrets shown, nothing heavy, nothing early."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from aml_plugins.compute import ComputeBackend, SupportsListing
from aml_plugins.testing.contract.base import ContractBase, Start, fetched
from aml_plugins.testing.contract.programs import GREETING
from aml_plugins.testing.jobs import make_job, wait_until_ended

__all__ = ["MannersContract"]

SECRET = "hunter2-hunter2"  # noqa: S105  it is looked for where it must not be
HEAVY = ("mlflow", "airflow", "azure", "kubernetes", "boto3", "rattler")
REVEAL = "import hashlib, os; print(hashlib.sha256(os.environ['TOKEN'].encode()).hexdigest())"


class MannersContract(ContractBase):
    """``plan``, the constructor, imports, secrets, ``list_jobs``, ``check`` and ``close``."""

    def test_plan_is_pure_and_deterministic(
        self, backend: ComputeBackend, another: ComputeBackend, key: str, tmp_path: Path
    ) -> None:
        spec = make_job(tmp_path, key, GREETING)
        assert backend.plan(spec, key) == another.plan(spec, key)
        json.dumps(backend.plan(spec, key).request)
        assert backend.find(key) is None

    def test_plan_and_constructor_makeno_network_call(
        self, backend: ComputeBackend, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, no_network)
        monkeypatch.setattr(socket, "getaddrinfo", no_network)
        type(backend)(backend.target).plan(make_job(tmp_path, key, GREETING), key)

    def test_a_plan_needs_no_files_yet(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        """A submission is planned before its snapshot is brought anywhere."""
        from dataclasses import replace  # noqa: PLC0415  in one test

        assert backend.plan(replace(make_job(tmp_path, key, GREETING), bundle={}), key).backend == backend.type_name

    def test_secrets_reach_the_script_and_nothing_else(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        spec = make_job(tmp_path, key, REVEAL, environment_variables={"TOKEN": SECRET})
        assert SECRET not in repr(backend.plan(spec, key))
        handle = backend.submit(spec, key)
        assert SECRET not in json.dumps(handle.to_dict())
        assert SECRET not in repr(wait_until_ended(backend, handle, self.patience))
        log = (fetched(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text()
        assert hashlib.sha256(SECRET.encode()).hexdigest() in log
        assert not _command_lines_with(SECRET)

    def test_jobs_are_listed(self, backend: ComputeBackend, another: ComputeBackend, start: Start) -> None:
        if not isinstance(another, SupportsListing):
            pytest.skip("the backend cannot list its jobs")
        handle = start(GREETING)
        listed = [found for found in another.list_jobs() if found == handle]
        assert [found.data for found in listed] == [handle.data]
        wait_until_ended(backend, handle, self.patience)

    def test_check_says_something(self, backend: ComputeBackend) -> None:
        assert backend.check()

    def test_close_twice(self, backend: ComputeBackend) -> None:
        backend.close()
        backend.close()

    def test_import_loads_nothing_heavy(self) -> None:
        heavy = (*HEAVY, *self.sdk_modules)
        program = f"import sys, {self.factory_module}; print([m for m in {heavy} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


def no_network(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the backend used the network where it must not")


def _command_lines_with(text: str) -> list[str]:
    """Return which processes of this machine show a text in their arguments to everybody."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:  # it is gone
            continue
    return found
