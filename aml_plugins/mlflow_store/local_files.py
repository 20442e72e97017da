"""A run's artifacts in a directory of this machine. Links and special files from strangers' outputs never get in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from aml_plugins.errors import InvalidInputError, StoreError
from aml_plugins.runs.history import FileInfo
from aml_plugins.runs.run_files import check_path, no_such_file, regular_files

__all__ = ["LocalFiles", "cannot_be_stored", "directory_of"]

# MLflow's listings hide files with this prefix, so that nobody sees one that is not whole.
_PARTIAL = ".artifact.uploading."


def directory_of(uri: str) -> Path | None:
    """Return the directory that an address means, None for what is no directory of this machine."""
    if not uri.startswith(("/", "file:///")):
        return None
    return Path(unquote(urlsplit(uri).path if uri.startswith("file:") else uri))


def cannot_be_stored(local: Path, error: OSError) -> StoreError:
    """Return the error for a file that could not be read or written."""
    where = f" ({error.filename})" if error.filename else ""
    return StoreError(
        f"'{local.name}' cannot be stored with the run: {error.strerror or error}{where}.",
        "Free space or correct the permissions, then try again.",
    )


class LocalFiles:
    """What is below a directory, which may not exist yet. MLflow's repository of it starts threads to write a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def upload(self, local: Path, path: str, *, link: bool) -> None:
        """Store a file under the directory ``path``, or a directory's contents below it.

        Links that leave ``local``, and what is neither file nor directory, stay out.

        :param link: the files cannot change any more: they are hard-linked where that is possible.
        """
        try:
            _store(self._root / path, regular_files(local), link=link)
        except OSError as error:
            raise cannot_be_stored(local, error) from error

    def take(self, files: Iterable[tuple[str, str]]) -> None:
        """Store files, none of them a link, that cannot change any more: each under a path, linked where it can be."""
        try:
            _store(self._root, files, link=True)
        except OSError as error:
            raise cannot_be_stored(Path(error.filename or "results"), error) from error

    def files(self, path: str) -> Sequence[FileInfo]:
        """List one directory level; a path that is no directory has none.

        :raises InvalidInputError: for a path that leads out, by a link too.
        """
        path = check_path(path)
        directory = self._root / path
        if not directory.resolve().is_relative_to(self._root.resolve()):
            raise InvalidInputError(f"'{path}' leads out of the run's artifacts.", "Name another path.")
        if not directory.is_dir():
            return []
        with os.scandir(directory) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(_PARTIAL)), key=lambda e: e.name)
        return [_info(entry, PurePosixPath(path, entry.name).as_posix()) for entry in entries]

    def download(self, path: str, destination: Path) -> Path:
        """Bring a file or directory below ``destination``, under its artifact path.

        :raises NotFoundError: where the run has none of this path.
        """
        path = check_path(path)
        if path and not self.exists(path):
            raise no_such_file(path)
        destination.mkdir(parents=True, exist_ok=True)
        source, target = self._root / path, destination / path
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            _store(target, regular_files(source), link=False)
        elif path:
            _store(target.parent, regular_files(source), link=False)
        return target

    def local_file(self, path: str) -> Path | None:
        """Return where a file of the run lies.

        :raises NotFoundError: where the run has no such file; what a link leads out to is none.
        """
        file = self._root / check_path(path)
        if not file.resolve().is_relative_to(self._root.resolve()) or not file.is_file():
            raise no_such_file(path)
        return file

    def exists(self, path: str) -> bool:
        """Say whether the run has a file or directory under this path."""
        parent = PurePosixPath(path).parent.as_posix()
        return any(info.path == path for info in self.files("" if parent == "." else parent))


def _info(entry: os.DirEntry[str], path: str) -> FileInfo:
    is_directory = entry.is_dir()
    return FileInfo(path, is_directory, None if is_directory else entry.stat().st_size)


def _store(directory: Path, files: Iterable[tuple[Path | str, str]], *, link: bool) -> None:
    made: set[str] = set()
    for file, relative in files:
        target = f"{directory}/{relative}"
        parent = os.path.dirname(target)  # noqa: PTH120  thousands of files
        if parent not in made:
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103  as above
            made.add(parent)
        if not (link and _linked(file, target)):
            _place(Path(file), Path(target), link=link)


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


def _linked(file: Path | str, target: str | Path) -> bool:
    """Put a link to the file where nothing is yet; a link is there whole or not at all."""
    try:
        os.link(os.path.realpath(file) if os.path.islink(file) else file, target)  # noqa: PTH114  as above
    except OSError:  # taken, or another file system, or one without links: the copy says what else may be wrong
        return False
    return True
