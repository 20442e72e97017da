"""The run's data, as the run configuration names it: paths that also answer as Azure ML's data sets did."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict

from .errors import NoSuchDataException, NotAvailableException
from .placeholders import DATA, Placeholder
from .surroundings import Surroundings
from .tables import TabularDataset, read_files, tables_below

INSTEAD = "Name '{}' under 'data' in the run configuration, with the datastore and the path of its files."


class Data(str):  # noqa: SLOT000 - it has a name
    """The path of one input or output, with what scripts did with a FileDataset or a TabularDataset."""

    name: str
    id: str

    def __new__(cls, path: str, name: str) -> Data:
        found = super().__new__(cls, path)
        found.name = found.id = name
        return found

    @property
    def table(self) -> TabularDataset:
        """The rows of the tables among its files."""
        return TabularDataset(lambda: read_files(tables_below(str(self))), self.name)

    def to_path(self) -> list[str]:
        """Return the files, each from ``/``, as Azure ML named them."""
        root = str(self)
        if not os.path.isdir(root):
            return ["/" + os.path.basename(root)]
        files = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
        return sorted("/" + os.path.relpath(file, root).replace(os.sep, "/") for file in files)

    def download(self, target_path: Any = None, overwrite: bool = False, **_: Any) -> list[str]:
        """Copy the files to a directory (by default, leave them where they are); return where they are."""
        root = str(self) if os.path.isdir(self) else os.path.dirname(str(self))
        sources = [root + path for path in self.to_path()]
        if target_path is None:
            return sources
        targets = [os.path.join(os.fspath(target_path), path[1:]) for path in self.to_path()]
        for source, target in zip(sources, targets):
            os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
            if os.path.exists(target) and not overwrite:
                raise FileExistsError(f"'{target}' exists already; download it with overwrite=True.")
            shutil.copyfile(source, target)
        return [os.path.abspath(target) for target in targets]

    def mount(self, mount_point: Any = None, **_: Any) -> Mounted:
        """Return a context that says where the files are: they are there already."""
        return Mounted(str(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.table, name)


class Mounted:
    """Data in its place: nothing to mount, nothing to take off."""

    def __init__(self, path: str) -> None:
        self.mount_point = path

    def start(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Nothing to do."""

    def __enter__(self) -> Mounted:
        return self

    def __exit__(self, *_: Any) -> None:
        """Nothing to do."""


class DataSets(Dict[str, Any]):
    """Data by name; one with blanks or signs is the run configuration's with ``_`` for each."""

    def __contains__(self, name: Any) -> bool:
        return super().__contains__(name) or super().__contains__(_plain(name))

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the data of this name, else ``default``."""
        return super().get(name, super().get(_plain(name), default))

    def __missing__(self, name: Any) -> Any:
        if super().__contains__(_plain(name)):
            return super().__getitem__(_plain(name))
        raise NoSuchDataException(f"The data '{name}'", f"{_known(self)}{INSTEAD.format(_plain(name))}")


class Dataset(metaclass=Placeholder):
    """Azure ML's ``Dataset``: the run's data by name; tables from paths and addresses."""

    class Scenario:
        """What a model used data for, in Azure ML's words."""

        TRAINING = "training"
        VALIDATION = "validation"
        INFERENCING = "inferencing"

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotAvailableException("Dataset()", DATA)

    @staticmethod
    def get_by_name(workspace: Any, name: str, version: Any = "latest") -> Data:
        """Return the run's data of this name.

        :raises NoSuchDataException: where the run configuration names none.
        """
        found: Data = data_sets(output=False)[name]
        return found

    get = get_by_name
    get_by_id = get_by_name

    @staticmethod
    def get_all(workspace: Any) -> DataSets:
        """Return the data that the run reads."""
        return data_sets(output=False)


def data_sets(*, output: bool) -> DataSets:
    """Return the run's outputs, or its inputs, by name."""
    here = Surroundings(os.environ)
    found = DataSets()
    for entry in here.data:
        path = os.environ.get(str(entry.get("variable")))
        if path and (entry.get("way") == "output") is output:
            found[str(entry["name"])] = Data(path, str(entry["name"]))
    return found


def _plain(name: Any) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in str(name))


def _known(found: DataSets) -> str:
    return f"It has: {', '.join(found)}. " if found else ""
