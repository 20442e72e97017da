"""A job's files in a datastore, for targets that reach nothing but URLs (``runs/runner/courier.py`` is the other side).

The job's own lie below ``jobs/KEY/``; snapshots and runners, which many jobs share, in places named by their content.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.job import LogChunk
from aml_plugins.compute.results_archive import unpack_results
from aml_plugins.compute.signed_urls import create_empty, read_lines
from aml_plugins.datastores.abilities import SupportsSignedUrls
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.json_types import JsonValue

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeTarget
    from aml_plugins.datastores.abilities import Permission
    from aml_plugins.datastores.contract import Datastore

__all__ = ["LIFETIME", "LOG", "RESULTS", "STATUS", "Staging"]

LIFETIME = timedelta(days=7)
"""How long a job's signed URLs are good for: it must have begun and ended by then. Azure's own limit for identities."""
RESULTS = "results.tar"
LOG = "std_log.txt"
STATUS = "status.json"
LIVE = "records.live.jsonl"
_AT_A_TIME = 8


class Staging:
    """One job's files. Making one asks nobody anything.

    :param datastore: the datastore's name; empty for the workspace's default one.
    """

    def __init__(self, target: ComputeTarget, datastore: str, key: str) -> None:
        self._target = target
        self._name = datastore
        self._key = key
        self._opened: Datastore | None = None

    @property
    def folder(self) -> str:
        """Where the job's own files lie, with a slash at its end."""
        return f"jobs/{self._key}/"

    def path(self, name: str) -> str:
        """Return where a file of the job lies."""
        return self.folder + name

    def bring(self, bundle: Mapping[str, Path], **changes: JsonValue) -> dict[str, str]:
        """Store the bundle, as far as it is not there yet; return signed URLs to read it, by name.

        :param changes: values of ``job.json`` that are different on the target.
        """
        datastore = self._datastore()
        job = json.loads(bundle["job.json"].read_text(encoding="utf-8"))
        places = {name: self._place(name, path, job) for name, path in bundle.items()}

        def store(name: str) -> None:
            if name == "job.json":
                self._write("job.json", json.dumps({**job, **changes}, indent=1).encode())
            elif not datastore.exists(places[name]):
                datastore.put(bundle[name], places[name], immutable=True)

        _at_once(store, bundle)
        return {name: self.url(place, "read") for name, place in places.items()}

    def url(self, path: str, permission: Permission) -> str:
        """Return a signed URL of a file in the datastore.

        :raises InvalidInputError: where the datastore makes none.
        """
        datastore = self._datastore()
        if not isinstance(datastore, SupportsSignedUrls):
            raise InvalidInputError(
                f"The compute target '{self._target.name}' needs a datastore that can be reached by URL, and "
                f"'{datastore.name}' is of type '{datastore.type_name}'.",
                "Register one of type azure-blob and make it the workspace's default, or set the target's 'datastore'.",
            )
        return datastore.signed_url(path, permission, LIFETIME)

    def delivery_urls(self) -> dict[str, str]:
        """Return signed URLs to write results to, in the order in which they are sent."""
        return {name: self.url(self.path(name), "write") for name in (RESULTS, LOG, STATUS)}

    def live_url(self) -> str:
        """Return a signed URL that the courier appends to what the script logs; see :meth:`records`."""
        return self.url(self.path(LIVE), "write")

    def records(self, cursor: str = "") -> LogChunk:
        """Return whole lines of what the script logged since ``cursor``, as far as the courier sent them.

        They begin anew where another pod took the job over.
        """
        lines, place = read_lines(self.url(self.path(LIVE), "read"), int(cursor or 0))
        return LogChunk(lines, str(place))

    def container_url(self) -> str | None:
        """Return a signed URL under which a service may store results, None where that would reach too far."""
        try:
            return self.url("", "write")
        except InvalidInputError:
            self.url(self.path(STATUS), "write")  # a datastore that signs nothing says why
            return None

    def status(self) -> Mapping[str, Any] | None:
        """Return what the runner said last, None where it sent nothing."""
        return self.said(STATUS)

    def said(self, name: str) -> Mapping[str, Any] | None:
        """Return a file of the job that is JSON, None where there is none."""
        content = self._read(name)
        try:
            said = json.loads(content) if content is not None else None
        except ValueError:
            return None
        return said if isinstance(said, dict) else None

    def take_results(self, destination: Path) -> bool:
        """Unpack the results into ``destination``; return whether there were any."""
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".results-") as directory:
            local = Path(directory, RESULTS)
            try:
                self.take(RESULTS, local)
            except NotFoundError:
                return False
            unpack_results(local, destination)
        return True

    def log(self) -> bytes | None:
        """Return the whole log of a job that has ended, None where it sent none."""
        return self._read(LOG)

    def names(self, folder: str) -> list[str]:
        """Return the names of the job's files below a folder of it."""
        found = self._datastore().list(self.path(folder))
        return [path.removeprefix(self.folder) for path, _ in found]

    def take(self, name: str, local: Path) -> None:
        """Bring a file of the job.

        :raises NotFoundError: where there is none.
        """
        self._datastore().get(self.path(name), local)

    def listed(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of the files of all jobs."""
        for path, _ in self._datastore().list("jobs"):
            _, key, name = path.split("/", 2)
            yield key, name

    def mark(self, name: str) -> None:
        """Write down that something was done to the job; it stays until :meth:`forget`."""
        self._write(name, b"")

    def unmark(self, name: str) -> None:
        """Take a mark back; one that is not there is fine."""
        self._datastore().delete(self.path(name))

    def is_marked(self, name: str) -> bool:
        """Say whether :meth:`mark` was called."""
        return self._datastore().exists(self.path(name))

    def claim(self, name: str) -> bool:
        """Mark, and say whether nobody had: of any number of processes at a time, one is told so."""
        return create_empty(self.url(self.path(name), "write"))

    def forget(self) -> None:
        """Delete the job's own files. Missing ones are fine."""
        datastore = self._datastore()
        _at_once(datastore.delete, [path for path, _ in datastore.list(f"jobs/{self._key}")])

    def _datastore(self) -> Datastore:
        if self._opened is None:
            self._opened = self._target.open_datastore(self._name)
        return self._opened

    def _place(self, name: str, path: Path, job: Mapping[str, Any]) -> str:
        if name == "runner.pyz":
            return f"runners/{path.name}"
        digest = str(job.get("snapshot_digest") or "")
        if name == "snapshot.zip" and digest:
            return f"snapshots/{digest[:2]}/{digest}.zip"
        return self.path(name)

    def _read(self, name: str) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="aml-file-") as directory:
            local = Path(directory, "file")
            try:
                self.take(name, local)
            except NotFoundError:
                return None
            return local.read_bytes()

    def _write(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="aml-file-") as directory:
            local = Path(directory, "file")
            local.write_bytes(content)
            self._datastore().put(local, self.path(name))


def _at_once(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Do the same for several files at a time: each waits for the network; raise what one of them raised."""
    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="aml-staging") as pool:
        for _ in pool.map(work, names):
            pass
