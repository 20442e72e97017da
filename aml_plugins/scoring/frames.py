"""Frames for scripts with inference-schema's ``PandasParameterType``: the library's results, without its detours.

The library writes the rows as JSON, has pandas read them and guess at dates in all labels, and then gives each column
its type: 2 ms for a row, ten times what a small model takes. Here columns of numbers, truth values and text are made at
once. Everything else goes through the library as before: dates, missing values, other orientations, what is refused.

Labels are the library's own: the first request with some keys is converted by it, and the keys are ours from then on
only if ours was the same. Numbers are read by pandas' own parser, which rounds otherwise than Python's.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib import metadata
from typing import Any, Callable, Dict, List, Tuple
from weakref import WeakKeyDictionary

from .frame_columns import LibraryCaseError, Make, column_maker

__all__ = ["install_frames"]

logger = logging.getLogger("azmlinfsrv")

_MODULE = "inference_schema.parameter_types.pandas_parameter_type"
_LIBRARIES = frozenset({"1.7.1", "1.7.2", "1.8"})  # these convert alike; older ones do not
_PANDAS = frozenset({"2", "3"})
_MOST_KEYS = 16  # callers choose the keys: what is kept for them is bounded
_DATES = ("date", "time", "_at", "modified")  # columns that pandas takes for dates are among these

Rows = List[Dict[str, Any]]
Keys = Tuple[str, ...]
Library = Callable[[Any, Any], Any]


def install_frames() -> None:
    """Have the parameter types of this process convert so, where the script uses them and the versions are known."""
    module = sys.modules.get(_MODULE)
    if module is None or not _are_known() or not hasattr(module.pd.io.json, "ujson_loads"):
        return
    plain: Any = module.PandasParameterType
    library: Library = plain.deserialize_input
    known: WeakKeyDictionary[Any, _Frames] = WeakKeyDictionary()

    def deserialize_input(self: Any, input_data: Any) -> Any:
        if type(self) is not plain:
            return library(self, input_data)
        frames = known.get(self)
        if frames is None:
            frames = known[self] = _Frames(library, module.pd)
        return frames.convert(self, input_data)

    plain.deserialize_input = deserialize_input


def _are_known() -> bool:
    try:
        pandas = metadata.version("pandas").partition(".")[0]
        return metadata.version("inference-schema") in _LIBRARIES and pandas in _PANDAS
    except metadata.PackageNotFoundError:
        return False


class _Frames:
    """What one parameter type makes of rows, by their keys."""

    def __init__(self, library: Library, pandas: Any) -> None:
        self._library = library
        self._pandas = pandas
        self._seen: dict[Keys, _Shape | None] = {}

    def convert(self, kind: Any, data: Any) -> Any:
        """Return the frame.

        :raises Exception: whatever the library has against the data.
        """
        keys = _keys(data) if _is_plain(kind) else None
        if keys is None:
            return self._library(kind, data)
        shape = self._seen.get(keys)
        frame = None if shape is None else shape.frame(data)
        if frame is None:
            frame = self._library(kind, data)
            if keys not in self._seen and len(self._seen) < _MOST_KEYS:
                self._seen[keys] = _shape_of(self._pandas, keys, data, frame)
        return frame


class _Shape:
    """Labels and types of frames that are ours to make."""

    def __init__(self, pandas: Any, columns: Any, makers: dict[str, Make]) -> None:
        self._pandas = pandas
        self._read = pandas.io.json.ujson_loads
        self._columns = columns
        self._makers = makers

    def frame(self, data: Rows) -> Any:
        """Return the frame; None where it is for the library to make or to refuse."""
        try:
            rows: Rows = self._read(json.dumps(data))
            arrays = {key: make([row[key] for row in rows]) for key, make in self._makers.items()}
        except (LibraryCaseError, ValueError, TypeError, OverflowError, RecursionError):
            return None
        frame = self._pandas.DataFrame(arrays, copy=False)
        frame.columns = self._columns.copy()
        return frame


def _shape_of(pandas: Any, keys: Keys, data: Rows, frame: Any) -> _Shape | None:
    """Return how frames like the library's are made; None where ours would be another."""
    makers = [column_maker(pandas, dtype) for dtype in frame.dtypes]
    if None in makers or any(word in key.lower() for key in keys for word in _DATES):
        return None
    shape = _Shape(pandas, frame.columns, {key: make for key, make in zip(keys, makers) if make})
    made = shape.frame(data)
    return shape if made is not None and _is_same(made, frame) else None


def _is_same(made: Any, frame: Any) -> bool:
    same_axes = type(made.index) is type(frame.index) and made.columns.identical(frame.columns)
    return bool(same_axes and list(made.dtypes) == list(frame.dtypes) and made.equals(frame))


def _is_plain(kind: Any) -> bool:
    return bool(kind.orient == "records" and kind.enforce_column_type and not kind.apply_column_names)


def _keys(data: Any) -> Keys | None:
    """Return the keys that all rows have, in one order; None for what is no such rows."""
    if type(data) is not list or not data or type(data[0]) is not dict:
        return None
    keys = tuple(data[0])
    if not keys or any(type(key) is not str for key in keys):
        return None
    return keys if all(type(row) is dict and tuple(row) == keys for row in data) else None
