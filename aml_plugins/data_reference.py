"""Data of a run, named in Python as Azure ML v1 named them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore

__all__ = ["DataReference", "data_section"]

_NO_LETTER = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class DataReference:
    """A path of a datastore that a script reads or writes. Among a script's arguments, it is where the data are there.

    :param datastore: the datastore, or its name.
    :param data_reference_name: its name in the run; made from datastore and path by default.
    :param path_on_datastore: a folder or a file; the datastore's root by default.
    :param mode: ``mount`` or ``download`` for what is read, ``upload`` for what is written.
    :param path_on_compute: where the data appear too, below the script's directory.
    :param overwrite: whether an upload may replace files of another content.
    """

    datastore: Datastore | str
    data_reference_name: str = ""
    path_on_datastore: str = ""
    mode: Literal["mount", "download", "upload"] = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Make a name where none was given."""
        if not self.data_reference_name:
            made = _NO_LETTER.sub("_", f"{self._datastore}_{self.path_on_datastore}").strip("_")
            object.__setattr__(self, "data_reference_name", made if made[:1].isalpha() else f"data_{made}")

    def as_mount(self) -> DataReference:
        """Return the reference for data that are read where they lie, if the target can, and downloaded elsewhere."""
        return replace(self, mode="mount")

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:  # noqa: FBT001, FBT002  v1's
        """Return the reference for data that are downloaded before the script starts."""
        return self._as("download", path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:  # noqa: FBT001, FBT002  v1's
        """Return the reference for a folder that is stored when the script has completed."""
        return self._as("upload", path_on_compute, overwrite=overwrite)

    def to_config(self) -> dict[str, Any]:
        """Return the reference as a run configuration has it."""
        return {
            "datastore": self._datastore,
            "path": self.path_on_datastore,
            "mode": self.mode,
            "path_on_compute": self.path_on_compute,
            "overwrite": self.overwrite,
        }

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    @property
    def _datastore(self) -> str:
        return self.datastore if isinstance(self.datastore, str) else self.datastore.name

    def _as(self, mode: Literal["download", "upload"], path: str | None, *, overwrite: bool) -> DataReference:
        return replace(self, mode=mode, path_on_compute=path or self.path_on_compute, overwrite=overwrite)


def data_section(data: Mapping[str, Any] | Iterable[DataReference] | None, arguments: Iterable[Any]) -> dict[str, Any]:
    """Return the data section of a run: what is given for it, and what the arguments refer to.

    :raises InvalidInputError: where one name means two things.
    """
    given = dict(data) if isinstance(data, Mapping) else {one.data_reference_name: one for one in data or ()}
    found = {name: one.to_config() if isinstance(one, DataReference) else one for name, one in given.items()}
    for one in arguments:
        if (
            isinstance(one, DataReference)
            and found.setdefault(one.data_reference_name, config := one.to_config()) != config
        ):
            raise InvalidInputError(
                f"Two data references of the run have the name '{one.data_reference_name}'.",
                "Give one of them another data_reference_name.",
            )
    return found
