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
from functools import partial
from pathlib import Path
from typing import Any

from aml_backends.hdinsight.pieces import Pieces
from aml_backends.hdinsight.storage import in_words, open_storage
from aml_plugins.errors import TransientBackendError

__all__ = ["Staging"]

_DELETIONS = 3
"""Hadoop's driver for ``wasb://`` marks a folder by a blob of its name, which outlives the first deletion."""


class Staging:
    """The staging directory of a target, with one directory a job.

    :param url: as the cluster reads it.
    :param options: for fsspec, secrets resolved.
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self.url = url
        self._files, self._root = open_storage(url, options)

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

    def growing(self, key: str, folder: str) -> Pieces:
        """Return a file of a job that grows: ``log`` or ``records``."""
        return Pieces(partial(self._piece, key, folder))

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
        """Look at what is there now, not at what was listed before; see :func:`in_words`."""
        with in_words(self.url):
            self._files.invalidate_cache()
            yield
