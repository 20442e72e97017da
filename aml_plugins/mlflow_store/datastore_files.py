"""A run's artifacts in a datastore, without MLflow, whose import costs seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aml_plugins.errors import NotFoundError
from aml_plugins.mlflow_store.datastore_places import SCHEME, datastore_at, name_and_path
from aml_plugins.mlflow_store.local_files import cannot_be_stored
from aml_plugins.mlflow_store.locations import server_store_uri
from aml_plugins.runs.history import FileInfo
from aml_plugins.runs.run_files import check_path, no_such_file, regular_files

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore

__all__ = ["DatastoreFiles", "is_in_datastore"]


def is_in_datastore(uri: str) -> bool:
    """Say whether artifacts lie in a datastore."""
    return uri.startswith(f"{SCHEME}:")


class DatastoreFiles:
    """What is below a path of a workspace's datastore; the methods are those of ``LocalFiles``.

    :raises InvalidInputError: for an address that means no datastore.
    """

    def __init__(self, uri: str, workspace: str, store_uri: str) -> None:
        self._name, self._root = name_and_path(uri)
        self._workspace = workspace
        known = server_store_uri() or store_uri
        self._store_uri = f"aml+{known}" if known.startswith(("sqlite:", "postgresql:")) else known

    def upload(self, local: Path, path: str, *, link: bool) -> None:
        """Store a file under the directory ``path``, or a directory's contents below it."""
        del link
        try:
            for file, relative in regular_files(local):
                self._datastore().upload(file, self._below(PurePosixPath(path, relative).as_posix()))
        except OSError as error:
            raise cannot_be_stored(local, error) from error

    def files(self, path: str) -> Sequence[FileInfo]:
        """List one directory level; a path that is no directory has none."""
        path = check_path(path)
        found = sorted(self._datastore().children(self._below(path)))
        return [FileInfo(PurePosixPath(path, name).as_posix(), size is None, size) for name, size in found]

    def download(self, path: str, destination: Path) -> Path:
        """Bring a file or directory below ``destination``, under its artifact path."""
        path = check_path(path)
        if path and not self.exists(path):
            raise no_such_file(path)
        destination.mkdir(parents=True, exist_ok=True)
        target = Path(destination.absolute(), path)
        try:
            self._datastore().download(self._below(path), target)
        except NotFoundError:
            if path:
                raise no_such_file(path) from None
        return target

    def local_file(self, path: str) -> Path | None:
        """Return None: nothing of it is known to lie on this machine."""
        del path
        return None

    def exists(self, path: str) -> bool:
        """Say whether the run has a file or directory under this path."""
        parent = PurePosixPath(path).parent.as_posix()
        return any(info.path == path for info in self.files("" if parent == "." else parent))

    def _below(self, path: str) -> str:
        return "/".join(part for part in (self._root, path) if part and part != ".")

    def _datastore(self) -> Datastore:
        return datastore_at(self._store_uri, self._workspace, self._name)
