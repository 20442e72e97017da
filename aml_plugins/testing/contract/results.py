"""What a job made comes home: whole, as often as it is asked for, and nothing that it only points at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, JobState, SupportsLogs, SupportsRecords, SupportsResultsInPlace
from aml_plugins.errors import JobNotFoundError
from aml_plugins.testing.contract.base import ContractBase, Start, fetched
from aml_plugins.testing.contract.programs import CHILDREN, ENDLESS, GREETING, HALF_A_RECORD, LONG_LOG, ODD_FILES
from aml_plugins.testing.jobs import wait_until, wait_until_ended

__all__ = ["ResultsContract"]

LARGEST_CHUNK = 1 << 20
RUN_ID = "c0ffee" * 5 + "00"


class ResultsContract(ContractBase):
    """``fetch``, and the abilities ``logs``, ``records`` and ``results``."""

    def test_fetch_twice(self, backend: ComputeBackend, another: ComputeBackend, start: Start, tmp_path: Path) -> None:
        handle = start(GREETING)
        wait_until_ended(backend, handle, self.patience)
        for mine in (backend, another):
            assert (fetched(mine, handle, tmp_path) / "outputs" / "result.txt").read_text() == "done"

    def test_fetch_of_a_missing_job(self, backend: ComputeBackend, tmp_path: Path) -> None:
        with pytest.raises(JobNotFoundError):
            fetched(backend, self.missing(backend), tmp_path)

    def test_odd_files_come_home_and_links_that_leave_do_not(
        self, backend: ComputeBackend, start: Start, tmp_path: Path
    ) -> None:
        handle = start(ODD_FILES)
        wait_until_ended(backend, handle, self.patience)
        results = fetched(backend, handle, tmp_path)
        outputs = results / "outputs"
        assert (outputs / "a directory" / "deeper" / "gr\u00fc\u00dfe.bin").read_bytes() == bytes(range(256))
        assert (outputs / "empty").read_bytes() == b""
        assert (outputs / "inside").read_text() == "done"
        assert not {"outside", "outside-directory", "pipe"} & {path.name for path in outputs.iterdir()}
        if isinstance(backend, SupportsResultsInPlace):
            assert _contents(backend.results(handle)) == _contents(_below(results))

    def test_what_the_script_logged_comes_home(self, backend: ComputeBackend, start: Start, tmp_path: Path) -> None:
        handle = start("import os; open(os.environ['AML_RECORDS'], 'w').write('{\"a\": 1}\\n')")
        wait_until_ended(backend, handle, self.patience)
        assert (fetched(backend, handle, tmp_path) / "records.jsonl").read_bytes() == b'{"a": 1}\n'

    def test_child_runs_come_home_with_what_they_logged(
        self, backend: ComputeBackend, start: Start, tmp_path: Path
    ) -> None:
        """A script makes them by Azure ML v1's API; the core makes runs of MLflow from these records."""
        handle = start(CHILDREN, run_id=RUN_ID)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.SUCCEEDED
        lines = (fetched(backend, handle, tmp_path) / "records.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        names = {one["child"]: one["name"] for one in records if one["op"] == "child" and one["run"] == RUN_ID}
        scores = {names[one["run"]]: one["values"] for one in records if one["op"] == "log"}
        assert scores == {"first": [0.25], "second": [0.5]}
        assert {names[one["run"]] for one in records if one.get("status") == "Completed"} == {"first", "second"}

    def test_logs_grow_with_a_cursor(self, backend: ComputeBackend, another: ComputeBackend, start: Start) -> None:
        if not isinstance(backend, SupportsLogs) or not isinstance(another, SupportsLogs):
            pytest.skip("the backend cannot show logs of running jobs")
        logs = backend
        handle = start(ENDLESS)
        wait_until(lambda: logs.logs(handle).data.endswith(b"\n"), self.patience)  # a line may come in pieces
        chunk = logs.logs(handle)
        assert chunk.data == b"begun\n"
        assert another.logs(handle, chunk.cursor).data == b""
        assert logs.logs(handle, chunk.cursor).cursor == chunk.cursor
        assert logs.logs(handle, chunk.cursor).generation in {0, chunk.generation}

    def test_a_long_log_comes_in_chunks(self, backend: ComputeBackend, start: Start) -> None:
        if not isinstance(backend, SupportsLogs):
            pytest.skip("the backend cannot show logs of running jobs")
        handle = start(LONG_LOG)
        wait_until_ended(backend, handle, self.patience)
        pieces = [backend.logs(handle)]
        while pieces[-1].data:
            pieces.append(backend.logs(handle, pieces[-1].cursor))
        assert max(len(piece.data) for piece in pieces) <= LARGEST_CHUNK
        whole = b"".join(piece.data for piece in pieces)
        assert whole == b"".join(b"line %d %s\n" % (number, b"x" * 60) for number in range(30000))

    def test_logs_of_a_missing_job(self, backend: ComputeBackend) -> None:
        if not isinstance(backend, SupportsLogs):
            pytest.skip("the backend cannot show logs of running jobs")
        with pytest.raises(JobNotFoundError):
            backend.logs(self.missing(backend))

    def test_records_are_whole_lines(self, backend: ComputeBackend, start: Start) -> None:
        if not isinstance(backend, SupportsRecords):
            pytest.skip("the backend cannot show records of running jobs")
        records = backend
        handle = start(HALF_A_RECORD)
        wait_until(lambda: bool(records.records(handle).data), self.patience)
        chunk = records.records(handle)
        assert chunk.data == b'{"a": 1}\n'
        assert records.records(handle, chunk.cursor).data == b""


def _below(directory: Path) -> Iterator[tuple[str, str | None]]:
    for path in directory.rglob("*"):
        yield path.relative_to(directory).as_posix(), None if path.is_dir() else str(path)


def _contents(results: Iterable[tuple[str, str | None]]) -> dict[str, bytes | None]:
    return {path: None if source is None else Path(source).read_bytes() for path, source in results}
