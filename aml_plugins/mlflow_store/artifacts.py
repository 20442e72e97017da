# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Files into and out of a run's artifacts. Links and special files from strangers' outputs never get in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID253  a leaf: imported with a store
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: TID253  as above
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository  # noqa: TID253  as above
from mlflow.utils.file_utils import local_file_uri_to_path  # noqa: TID253  as above
from mlflow.utils.uri import append_to_uri_path  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError, StoreError
from aml_plugins.mlflow_store.locations import server_artifacts_destination
from aml_plugins.runs.history import FileInfo
from aml_plugins.runs.run_files import check_path, no_such_file, regular_files

__all__ = [
    "check_path",
    "directory_of",
    "download",
    "exists",
    "files",
    "local_file",
    "no_such_file",
    "repository",
    "upload",
]

# MLflow's listings hide files with this prefix, so that nobody sees one that is not whole.
_PARTIAL = ".artifact.uploading."


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


def directory_of(uri: str) -> Path | None:
    """Return the directory that an address means, None for what is no directory of this machine.

    MLflow's repository of it would start threads to write a file.
    """
    return Path(local_file_uri_to_path(uri)) if uri.startswith(("/", "file:///")) else None


def upload(place: Path | ArtifactRepository, local: Path, path: str, linkable: Sequence[Path]) -> None:
    """Store a file under the directory ``path``, or a directory's contents below it.

    Links that leave ``local``, and what is neither file nor directory, stay out.

    :param linkable: directories whose files cannot change any more; those are hard-linked where that is possible.
    """
    try:
        if isinstance(place, LocalArtifactRepository):
            place = Path(place.artifact_dir)
        if isinstance(place, Path):
            link = any(_is_below(local, root) for root in linkable)
            _store_locally(place / path, local, link=link)
        else:
            _store_remotely(place, local, path)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise StoreError(
            f"'{local.name}' cannot be stored with the run: {error.strerror or error}{where}.",
            "Free space or correct the permissions, then try again.",
        ) from error


def files(repository: ArtifactRepository, path: str) -> Sequence[FileInfo]:
    """List one directory level."""
    found = repository.list_artifacts(check_path(path) or None)
    return [FileInfo(info.path, info.is_dir, None if info.is_dir else info.file_size) for info in found]


def download(repository: ArtifactRepository, path: str, destination: Path) -> Path:
    """Bring a file or directory below ``destination``, under its artifact path."""
    path = check_path(path)
    if path and not exists(repository, path):
        raise no_such_file(path)
    destination.mkdir(parents=True, exist_ok=True)
    if not isinstance(repository, LocalArtifactRepository):
        return Path(repository.download_artifacts(path, str(destination)))
    source, target = Path(repository.artifact_dir) / path, destination / path
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        _store_locally(target, source, link=False)
    elif path:
        _store_locally(target.parent, source, link=False)
    return target


def local_file(repository: ArtifactRepository, path: str) -> Path | None:
    """Return where a file of the run lies on this machine, None where it does not.

    :raises NotFoundError: where the run has no such file; what a link leads out to is none.
    """
    if not isinstance(repository, LocalArtifactRepository):
        return None
    root = Path(repository.artifact_dir)
    file = root / check_path(path)
    if not file.resolve().is_relative_to(root.resolve()) or not file.is_file():
        raise no_such_file(path)
    return file


def exists(repository: ArtifactRepository, path: str) -> bool:
    """Say whether the run has a file or directory under this path."""
    parent = str(PurePosixPath(path).parent)
    return any(info.path == path for info in repository.list_artifacts(None if parent == "." else parent))


def _store_locally(directory: Path, local: Path, *, link: bool) -> None:
    made: set[str] = set()
    for file, relative in regular_files(local):
        target = f"{directory}/{relative}"
        parent = os.path.dirname(target)  # noqa: PTH120  thousands of files
        if parent not in made:
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103  as above
            made.add(parent)
        if not (link and _linked(file, target)):
            _place(file, Path(target), link=link)


def _is_below(local: Path, root: Path) -> bool:
    return os.path.realpath(local).startswith(os.path.join(os.path.realpath(root), ""))  # noqa: PTH118  keeps the slash


def _store_remotely(repository: ArtifactRepository, local: Path, path: str) -> None:
    for file, relative in regular_files(local):
        folder = PurePosixPath(path, relative).parent.as_posix()
        repository.log_artifact(str(file), None if folder == "." else folder)


def _place(file: Path, target: Path, *, link: bool) -> None:
    """Put a file there, whole or not at all."""
    if target.exists() and file.samefile(target):
        return
    descriptor, name = tempfile.mkstemp(prefix=_PARTIAL, dir=target.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        if link:
            partial.unlink()
        if not (link and _linked(file, partial)):
            shutil.copyfile(file, partial)
            shutil.copystat(file, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _linked(file: Path, target: str | Path) -> bool:
    """Put a link to the file where nothing is yet; a link is there whole or not at all."""
    try:
        os.link(os.path.realpath(file) if file.is_symlink() else file, target)
    except OSError:  # taken, or another file system, or one without links: the copy says what else may be wrong
        return False
    return True
