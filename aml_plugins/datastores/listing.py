"""What can be told from a datastore's list, for types that cannot be asked for one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aml_plugins.datastores.contract import FileFacts
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore

__all__ = ["children_from_list", "facts_from_list", "no_such_file"]


def facts_from_list(datastore: Datastore, path: str) -> FileFacts:
    """Return a file's size.

    :raises NotFoundError: where there is no such file.
    """
    for found, size in datastore.list(path.rpartition("/")[0]):
        if found == path:
            return FileFacts(size)
    raise no_such_file(datastore, path)


def children_from_list(datastore: Datastore, folder: str) -> Iterator[tuple[str, int | None]]:
    """Yield one level of a list, each folder once."""
    cut = len(f"{folder}/") if folder else 0
    last = None
    for found, size in datastore.list(folder):
        name, below, _ = found[cut:].partition("/")
        if name != last or not below:
            yield name, None if below else size
        last = name


def no_such_file(datastore: Datastore, path: str) -> NotFoundError:
    """Return the error for a path that is not there."""
    return NotFoundError(
        f"There is no file '{path}' in the datastore '{datastore.name}'.",
        f"See what there is: aml datastore files {datastore.name}",
    )
