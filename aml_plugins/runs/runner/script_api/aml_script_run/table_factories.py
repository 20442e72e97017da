"""``Dataset.Tabular`` and ``Dataset.File``: tables and files from paths and addresses, in Azure ML's words."""

from __future__ import annotations

import glob
import os
from typing import Any

from .data_sets import Data
from .errors import UserErrorException
from .placeholders import DATA, Placeholder
from .tables import TabularDataset, read_files, tables_below

REMOTE = ("http://", "https://")


class TabularDatasetFactory(metaclass=Placeholder):
    """Tables from files."""

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Any = None,
        separator: str = ",",
        header: Any = True,
        partition_format: Any = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Return the table in files of separated values, at a path, an address or several; ``*`` is a pattern."""
        options: dict[str, Any] = {"sep": separator, "encoding": encoding, "keep_default_na": not empty_as_string}
        if not infer_column_types:
            options["dtype"] = str
        has_names = header is True or (not isinstance(header, bool) and "NO_HEADERS" not in str(header))
        found = files(path)
        return TabularDataset(lambda: _named(read_files(found, header=0 if has_names else None, **options)))

    @staticmethod
    def from_parquet_files(path: Any, validate: bool = True, *_: Any, **__: Any) -> TabularDataset:
        """Return the table in Parquet files."""
        found = files(path)
        return TabularDataset(lambda: read_files(found))

    @staticmethod
    def from_json_lines_files(path: Any, validate: bool = True, *_: Any, **__: Any) -> TabularDataset:
        """Return the table in files of one JSON object a line."""
        found = files(path)
        return TabularDataset(lambda: read_files(found))


class FileDatasetFactory(metaclass=Placeholder):
    """Files where they are."""

    @staticmethod
    def from_files(path: Any, validate: bool = True, *_: Any, **__: Any) -> Data:
        """Return a file or a folder of this machine."""
        if not isinstance(path, (str, os.PathLike)) or os.fspath(path).startswith(REMOTE):
            raise UserErrorException(f"Dataset.File.from_files() takes one path of this machine inside a run. {DATA}")
        return Data(os.fspath(path), os.path.basename(os.fspath(path)))


def files(path: Any) -> list[str]:
    """Return the files that a path, or a list of paths, means.

    :raises UserErrorException: where there is none, or where it is in a datastore.
    """
    if isinstance(path, (list, tuple)) and all(isinstance(one, (str, os.PathLike)) for one in path):
        return [file for one in path for file in files(one)]
    if not isinstance(path, (str, os.PathLike)):
        raise UserErrorException(f"Inside a run, a table comes from a path or an address, not from a datastore. {DATA}")
    text = os.fspath(path)
    if text.startswith(REMOTE):
        return [text]
    found = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else [text]
    found = [file for one in found if os.path.exists(one) for file in tables_below(one)]
    if not found:
        raise UserErrorException(f"There is no file '{text}'.")
    return found


def _named(frame: Any) -> Any:
    """Columns without names are Column1, Column2 ..., as in Azure ML."""
    if all(isinstance(column, int) for column in frame.columns):
        frame.columns = [f"Column{index + 1}" for index in range(len(frame.columns))]
    return frame
