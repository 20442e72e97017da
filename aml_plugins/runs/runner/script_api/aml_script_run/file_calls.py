"""Files of a run: uploads, lists, downloads."""

from __future__ import annotations

import os
import shutil
from typing import Any, Iterator

from .base import RunBase, portions
from .errors import UserErrorException
from .uploads import artifact_path, folder_files, output_files


class FileCalls(RunBase):
    """What ``upload_*`` brings is a copy of the moment; ``outputs/`` and ``logs/`` come home by themselves."""

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        """Store a file or a stream's content in the run as ``name``."""
        self._record("files", paths=[self._uploads.put(name, path_or_stream)])

    def upload_files(
        self,
        names: list[str],
        paths: list[str],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> Any:
        """Store files in the run, ``paths`` under ``names``."""
        if len(names) != len(paths):
            raise TypeError(
                "names and paths must be lists of equal lengths. "
                f"Names was of length {len(names)} and paths of length {len(paths)}."
            )
        stored = [self._uploads.put(name, path) for name, path in zip(names, paths)]
        for portion in portions(stored):
            self._record("files", paths=portion)
        results: Iterator[str] = iter(stored)
        return (dict(zip(names, stored)), results) if return_artifacts else results

    def upload_folder(self, name: str, path: Any, datastore_name: str | None = None) -> Any:
        """Store the files below ``path`` in the run below ``name``."""
        prefix = "" if name in ("", ".", "./") else artifact_path(name) + "/"
        found = list(folder_files(path))
        return self.upload_files([prefix + relative for _, relative in found], [local for local, _ in found])

    def get_file_names(self) -> list[str]:
        """Return the files of the run so far, ``outputs/`` and ``logs/`` of this run included."""
        return list(dict.fromkeys([*self._facts().files, *self._own_files()]))

    def download_file(self, name: str, output_file_path: Any = None, _validate_checksum: bool = False) -> None:
        """Copy a file of this run to ``output_file_path``, by default its base name in the working directory."""
        target = os.fspath(output_file_path) if output_file_path is not None else os.path.basename(str(name))
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(str(name)))
        self._fetch(artifact_path(name), target)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: Any = None,
        output_paths: list[str] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> None:
        """Copy the files below ``prefix`` (all without one) to a directory."""
        start = artifact_path(prefix) + "/" if prefix else ""
        names = [name for name in self.get_file_names() if name.startswith(start)]
        targets = list(names)
        if output_paths is not None and len(output_paths) == len(names) == len(set(output_paths)):
            targets = list(output_paths)
        elif not append_prefix:
            targets = [name[len(start) :] for name in names]
        for name, target in zip(names, targets):
            self._fetch(name, os.path.join(os.fspath(output_directory or "."), target))

    def _fetch(self, name: str, target: str) -> None:
        source = self._sources().get(name)
        if source is None or not os.path.isfile(source):
            known = ", ".join(self.get_file_names()[:20])
            raise UserErrorException(
                "File with path {} was not found, available files include: {}.".format(name, known or "none")
            )
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        if os.path.abspath(source) != os.path.abspath(target):
            shutil.copyfile(source, target)

    def _sources(self) -> dict[str, str]:
        own = {name: os.path.join(self._work, *name.split("/")) for name in self._own_files()}
        return {**own, **{name: self._uploads.local(name) for name in self._facts().files}}

    def _own_files(self) -> list[str]:
        if self._run_id != self._session.here.run_id:
            return []
        return output_files(self._work, "outputs") + output_files(self._work, "logs")

    @property
    def _work(self) -> str:
        return os.path.join(self._session.here.directory, "work")
