# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""A run's artifacts wherever MLflow keeps them. Links and special files from strangers' outputs never get in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID253  a leaf: imported with a store
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: TID253  as above
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository  # noqa: TID253  as above
from mlflow.utils.uri import append_to_uri_path  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError
from aml_plugins.mlflow_store.datastore_files import DatastoreFiles
from aml_plugins.mlflow_store.local_files import LocalFiles, cannot_be_stored
from aml_plugins.mlflow_store.locations import server_artifacts_destination
from aml_plugins.runs.history import FileInfo
from aml_plugins.runs.run_files import check_path, no_such_file, regular_files

__all__ = ["Files", "RepositoryFiles", "files_at", "files_in", "repository"]


def repository(uri: str, workspace: str, store_uri: str | None = None) -> ArtifactRepository:
    """Open the artifacts at a URI.

    :param workspace: whose datastores an ``aml-datastore:`` address means: our drivers serve no request of MLflow's.
    :param store_uri: the store that has them; None for the one that is configured.
    :raises InvalidInputError: where only an MLflow server, and not this process, can reach them.
    """
    if not uri.startswith("mlflow-artifacts:"):
        return _direct(uri, workspace, store_uri)
    destination = server_artifacts_destination()
    if destination is None:
        raise InvalidInputError(
            "The run's artifacts are served by an MLflow server.", "Connect to the server's http(s) address instead."
        )
    place = append_to_uri_path(destination, uri.removeprefix("mlflow-artifacts:").lstrip("/"))
    return _direct(place, workspace, store_uri)


def _direct(uri: str, workspace: str, store_uri: str | None) -> ArtifactRepository:
    if not uri.startswith("aml-datastore:"):
        return get_artifact_repository(uri)
    from aml_plugins.mlflow_store.datastore_artifacts import DatastoreArtifacts  # noqa: PLC0415  where it is needed

    return DatastoreArtifacts(uri, store_uri, workspace=workspace)


def files_at(uri: str, workspace: str, store_uri: str | None = None) -> Files:
    """Open the files at a URI; see :func:`repository`."""
    return files_in(repository(uri, workspace, store_uri))


def files_in(found: ArtifactRepository) -> Files:
    """Return what reads and writes a repository."""
    if isinstance(found, LocalArtifactRepository):
        return LocalFiles(Path(found.artifact_dir))
    return RepositoryFiles(found)


class RepositoryFiles:
    """What a repository of MLflow's has; the methods are those of :class:`LocalFiles`."""

    def __init__(self, repository: ArtifactRepository) -> None:
        self._repository = repository

    def upload(self, local: Path, path: str, *, link: bool) -> None:
        """Store a file under the directory ``path``, or a directory's contents below it."""
        del link
        try:
            for file, relative in regular_files(local):
                folder = PurePosixPath(path, relative).parent.as_posix()
                self._repository.log_artifact(str(file), None if folder == "." else folder)
        except OSError as error:
            raise cannot_be_stored(local, error) from error

    def files(self, path: str) -> Sequence[FileInfo]:
        """List one directory level."""
        found = self._repository.list_artifacts(check_path(path) or None)
        return [FileInfo(info.path, info.is_dir, None if info.is_dir else info.file_size) for info in found]

    def download(self, path: str, destination: Path) -> Path:
        """Bring a file or directory below ``destination``, under its artifact path."""
        path = check_path(path)
        if path and not self.exists(path):
            raise no_such_file(path)
        destination.mkdir(parents=True, exist_ok=True)
        return Path(self._repository.download_artifacts(path, str(destination)))

    def local_file(self, path: str) -> Path | None:
        """Return None: nothing of it lies on this machine."""
        del path
        return None

    def exists(self, path: str) -> bool:
        """Say whether the run has a file or directory under this path."""
        parent = str(PurePosixPath(path).parent)
        return any(info.path == path for info in self._repository.list_artifacts(None if parent == "." else parent))


Files: TypeAlias = LocalFiles | DatastoreFiles | RepositoryFiles
