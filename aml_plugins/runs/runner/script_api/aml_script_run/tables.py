"""Tables, as Azure ML's TabularDataset had them: pandas reads the files when the script asks for a frame."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Callable

from .errors import NoSuchAttributeException, UserErrorException

LINES = (".json", ".jsonl")
PARQUET = (".parquet", ".parq")
COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
SEPARATED = {".csv": ",", ".txt": ",", ".data": ",", ".tsv": "\t"}


class TabularDataset:
    """Rows and columns that are read when they are needed."""

    def __init__(self, read: Callable[[], Any], name: str | None = None) -> None:
        self._read = read
        self.name = name
        self.id = name

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Return the rows as a pandas DataFrame."""
        return self._read()

    def keep_columns(self, columns: Any, validate: bool = False) -> TabularDataset:
        """Return the table with these columns only."""
        return self._then(lambda frame: frame[_several(columns)])

    def drop_columns(self, columns: Any) -> TabularDataset:
        """Return the table without these columns."""
        return self._then(lambda frame: frame.drop(columns=_several(columns)))

    def take(self, count: int) -> TabularDataset:
        """Return the first rows."""
        return self._then(lambda frame: frame.head(count))

    def skip(self, count: int) -> TabularDataset:
        """Return the rows after the first ones."""
        return self._then(lambda frame: frame.iloc[count:].reset_index(drop=True))

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[TabularDataset, TabularDataset]:
        """Return about ``percentage`` of the rows (0 to 1) and the others."""
        frame = self._read()
        chosen = frame.sample(frac=percentage, random_state=seed)
        rest = frame.drop(chosen.index).reset_index(drop=True)
        first = chosen.sort_index().reset_index(drop=True)
        return TabularDataset(lambda: first, self.name), TabularDataset(lambda: rest, self.name)

    def with_timestamp_columns(self, timestamp: Any = None, *_: Any, **__: Any) -> TabularDataset:
        """Return the same table: which column has the time made a difference to Azure ML's service only."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(f"TabularDataset.{name}", "Call to_pandas_dataframe() and use pandas.")

    def _then(self, change: Callable[[Any], Any]) -> TabularDataset:
        return TabularDataset(lambda: change(self._read()), self.name)


def read_files(paths: list[str], **options: Any) -> Any:
    """Return a pandas DataFrame of the rows of all files, read as their names tell."""
    frames = [_read_one(_pandas(), path, options) for path in paths]
    return frames[0] if len(frames) == 1 else _pandas().concat(frames, ignore_index=True)


def tables_below(path: str) -> list[str]:
    """Return the files of a table: the path itself, or those below it that have a table's name.

    :raises UserErrorException: where there are none.
    """
    if not os.path.isdir(path):
        return [path]
    files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    found = sorted(file for file in files if _kind(file))
    if not found:
        names = ", ".join(sorted(os.path.relpath(file, path) for file in files)[:10]) or "none"
        raise UserErrorException(
            f"There is no table in '{path}': a name that ends in .csv, .tsv, .txt, .parquet, .json or .jsonl is. "
            f"Its files: {names}."
        )
    return found


def _read_one(pandas: Any, path: str, options: dict[str, Any]) -> Any:
    kind = _kind(path) or ".csv"
    if kind in PARQUET:
        return pandas.read_parquet(path)
    if kind in LINES:
        return pandas.read_json(path, lines=True, **options)
    return pandas.read_csv(path, **{"sep": SEPARATED[kind], **options})


def _kind(path: str) -> str | None:
    stem, extension = os.path.splitext(path.split("?", maxsplit=1)[0])
    if extension.lower() in COMPRESSED:
        extension = os.path.splitext(stem)[1]
    extension = extension.lower()
    return extension if extension in SEPARATED or extension in LINES or extension in PARQUET else None


def _pandas() -> Any:
    try:
        return import_module("pandas")  # the script's own
    except ImportError:
        raise UserErrorException(
            "to_pandas_dataframe() needs pandas: name it in the environment of the run configuration."
        ) from None


def _several(columns: Any) -> list[Any]:
    return [columns] if isinstance(columns, str) else list(columns)
