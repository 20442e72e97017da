"""A job's directory in storage that the cluster and this machine both see.

::

    bundle/       what is to run: runner.pyz, job.json, snapshot.zip, data; bundle/files/… what Spark shall distribute
    agent.py                                    what Spark starts (``agent.py`` beside this module)
    variables-ID                                the script's variables, sealed (``sealing.py``)
    claim                                       made once, by the agent: the job is never run twice; or by the backend,
                                                with a word in it, where Livy has lost the batch: it is not run at all
    cancel                                      made by the backend: the agent shall end the script
    status.json                                 the runner's, as the agent last passed it on
    log/NNNNNNNN, records/NNNNNNNN              pieces of std_log.txt and records.jsonl, in order, never changed
    results.tar                                 outputs, logs, records and uploads; there before a terminal status
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aml_plugins.compute import LogChunk
from aml_plugins.errors import BackendError, MissingExtraError, TransientBackendError

__all__ = ["Staging"]

CHUNK_BYTES = 1 << 20
_DELETIONS = 3
"""Hadoop's driver for ``wasb://`` marks a folder by a blob of its name, which outlives the first deletion."""
_REFUSED = (401, 403)


class Staging:
    """The staging directory of a target, with one directory a job.

    :param url: as the cluster reads it.
    :param options: for fsspec, secrets resolved.
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self.url = url
        protocol, root, implied = _for_fsspec(url)
        self._root = root
        self._files = _open(protocol, {**implied, **options})

    def url_of(self, key: str, name: str = "") -> str:
        """Return a job's directory, or a file in it, as the cluster reads it."""
        return f"{self.url}/{key}/{name}".rstrip("/")

    def exists(self, key: str, name: str = "") -> bool:
        """Say whether a job's directory, or a file in it, is there."""
        with self._in_words():
            return bool(self._files.exists(self._path(key, name)))

    def put(self, key: str, name: str, local: Path) -> None:
        """Store a file that never changes; one of its size that is there already stays."""
        path = self._path(key, name)
        with self._in_words():
            if self._files.exists(path) and self._files.size(path) == local.stat().st_size:
                return
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(local), path)

    def write(self, key: str, name: str, content: bytes) -> None:
        """Store a small file."""
        path = self._path(key, name)
        with self._in_words():
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, content)

    def claim(self, key: str, word: bytes) -> bool:
        """Take the one right to run the job in place of its agent, who leaves no word; False where that has it."""
        path = self._path(key, "claim")
        with self._in_words():
            try:
                self._create(path, word)
            except FileExistsError:
                return bool(self._files.cat_file(path) == word)
        return True

    def statuses(self, keys: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """Return what the runners of these jobs last said, in one round; None where one said nothing yet.

        What is just being written, and cannot be read, is an empty mapping.
        """
        paths = {self._path(key, "status.json"): key for key in keys}
        if not paths:
            return {}
        with self._in_words():
            found = self._files.cat(list(paths), on_error="return")
        if isinstance(found, bytes):  # of one path alone
            found = {next(iter(paths)): found}
        return {key: self._read(found.get(path)) for path, key in paths.items()}

    def chunk(self, key: str, folder: str, cursor: str) -> LogChunk:
        """Return what a growing file has got since ``cursor``, which is ``PIECE:BYTES``."""
        piece, _, offset = (cursor or "0:0").partition(":")
        number, start = int(piece), int(offset or 0)
        collected = b""
        while len(collected) < CHUNK_BYTES:
            data = self._piece(key, folder, number)
            if data is None:
                break
            collected += data[start:]
            number, start = number + 1, 0
        return LogChunk(collected, f"{number}:{start}")

    def cursor_at(self, key: str, folder: str, cursor: str, count: int) -> str:
        """Return the cursor that lies ``count`` bytes after ``cursor``."""
        piece, _, offset = (cursor or "0:0").partition(":")
        number, position = int(piece), int(offset or 0) + count
        while (data := self._piece(key, folder, number)) is not None and position >= len(data):
            number, position = number + 1, position - len(data)
        return f"{number}:{position}"

    def get(self, key: str, name: str, local: Path) -> bool:
        """Bring a file to this machine; False where there is none."""
        path = self._path(key, name)
        with self._in_words():
            if not self._files.exists(path):
                return False
            self._files.get_file(path, str(local))
        return True

    def delete(self, key: str) -> None:
        """Delete a job's directory; a missing one is fine."""
        with self._in_words():
            for _ in range(_DELETIONS):
                if not self._files.exists(self._path(key)):
                    return
                self._files.rm(self._path(key), recursive=True)
                self._files.invalidate_cache()

    def keys(self) -> list[str]:
        """Return the jobs that have a directory."""
        with self._in_words():
            try:
                self._files.invalidate_cache()
                entries = self._files.ls(self._root, detail=False)
            except FileNotFoundError:
                return []
        return sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in entries)

    def check(self) -> None:
        """Try to write and to delete."""
        self.write(".check", "file", b"")
        self.delete(".check")

    def _create(self, path: str, content: bytes) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        if self.url.startswith("file:"):  # fsspec would write over what is there
            with Path(path).open("xb") as file:
                file.write(content)
        else:
            self._files.pipe_file(path, content, mode="create")

    def _path(self, key: str, name: str = "") -> str:
        return f"{self._root}/{key}/{name}".rstrip("/")

    def _piece(self, key: str, folder: str, number: int) -> bytes | None:
        with self._in_words():
            try:
                data: bytes = self._files.cat_file(self._path(key, f"{folder}/{number:08d}"))
            except FileNotFoundError:
                return None
        return data

    @staticmethod
    def _read(content: object) -> dict[str, Any] | None:
        if isinstance(content, FileNotFoundError) or content is None:
            return None
        if not isinstance(content, bytes):
            raise TransientBackendError(f"The staging directory cannot be read: {content}.")
        try:
            value = json.loads(content)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            self._files.invalidate_cache()
            yield
        except (TransientBackendError, FileNotFoundError):
            raise
        except Exception as error:  # noqa: BLE001  every file system of fsspec has errors of its own
            if isinstance(error, PermissionError) or getattr(error, "status_code", None) in _REFUSED:
                raise BackendError(
                    f"The staging directory {self.url} refuses access: {type(error).__name__}.",
                    "Check the target's 'staging' and 'storage_options'.",
                ) from None
            raise TransientBackendError(
                f"The staging directory {self.url} cannot be reached: {_first_line(error)}.",
                "Check the target's 'staging' and 'storage_options'.",
            ) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300].rstrip(".") or type(error).__name__


def _for_fsspec(url: str) -> tuple[str, str, dict[str, str]]:
    """Return protocol, root and options: Hadoop's addresses of Azure storage name the account in the host."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return "file", parts.path.rstrip("/"), {}
    container, _, host = parts.netloc.rpartition("@")
    options = {"account_name": host.partition(".")[0]}
    return "abfs", f"{container}{parts.path.rstrip('/')}", options


def _open(protocol: str, options: Mapping[str, str]) -> Any:
    import fsspec  # noqa: PLC0415  plugins are light where they are looked at

    try:
        return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError:
        raise MissingExtraError("A staging directory in Azure storage", "hdinsight") from None
    except Exception as error:  # noqa: BLE001  see above
        raise BackendError(
            f"The staging directory cannot be opened: {_first_line(error)}.",
            "Check the target's 'staging' and 'storage_options'.",
        ) from None
