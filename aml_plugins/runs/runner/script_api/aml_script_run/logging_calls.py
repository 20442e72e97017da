"""``run.log`` and its family."""

from __future__ import annotations

import json
import operator
import os
from types import GeneratorType
from typing import Any

from .base import RunBase, portions
from .errors import AzureMLException, UserErrorException
from .values import cell, cells, json_value


class LoggingCalls(RunBase):
    """Metrics, tables, charts and images."""

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value; repeated calls make a series. ``step`` is its place in the series, where given."""
        if isinstance(value, (list, range, GeneratorType)):
            raise UserErrorException("run.log does not support list type. Use run.log_list instead")
        self._record("log", name=str(name), values=[cell(value)], step=_step(step))

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Log many values of one metric."""
        for portion in portions(cells(value)):
            self._record("log", name=str(name), values=portion, step=None)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Log one row of a table, its columns by keyword."""
        for column, value in kwargs.items():
            if isinstance(value, list):
                raise AzureMLException(
                    f"The column '{column}' of the row '{name}' is a list. Use run.log_table instead."
                )
        self._record("rows", name=str(name), columns=list(kwargs), rows=[cells(kwargs.values())])

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Log a table: a dictionary of columns, each a list (or one value)."""
        if not isinstance(value, dict):
            raise AzureMLException(f"The table '{name}' must be a dictionary of columns.")
        columns = [list(column) if _is_column(column) else [column] for column in value.values()]
        if len({len(column) for column in columns}) > 1:
            raise AzureMLException(f"The columns of the table '{name}' must have one length.")
        rows = [cells(row) for row in zip(*columns)]
        for portion in portions(rows):
            self._record("rows", name=str(name), columns=[str(key) for key in value], rows=portion)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Log a confusion matrix in Azure ML's JSON."""
        self._chart("confusion_matrix", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Log an accuracy table in Azure ML's JSON."""
        self._chart("accuracy_table", name, value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Log residuals in Azure ML's JSON."""
        self._chart("residuals", name, value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Log predictions in Azure ML's JSON."""
        self._chart("predictions", name, value)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Log an image file, a stream of one, or a matplotlib plot."""
        if (path is None) == (plot is None):
            raise AzureMLException("run.log_image takes either 'path' or 'plot', and one of them.")
        if plot is None:
            self._image_file(name, path)
        elif not hasattr(plot, "savefig"):
            raise AzureMLException("The 'plot' of run.log_image must have 'savefig', as matplotlib.pyplot has.")
        else:
            stored = self._uploads.put_new("images", name, "png", lambda part: plot.savefig(part, format="png"))
            self._record("chart", name=str(name), kind="image", path=stored)

    def _image_file(self, name: str, path: Any) -> None:
        uploads = self._uploads
        extension = "png" if hasattr(path, "read") else os.path.splitext(str(path))[1].lstrip(".") or "png"
        if not hasattr(path, "read") and not os.path.isfile(path):
            raise AzureMLException(f"The image '{path}' does not exist.")
        stored = uploads.put_new("images", name, extension, lambda part: _write(part, ""))
        uploads.put(stored, path)
        self._record("chart", name=str(name), kind="image", path=stored)

    def _chart(self, kind: str, name: str, value: Any) -> None:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise UserErrorException("Invalid JSON provided") from None
        text = json.dumps(json_value(value), allow_nan=False)
        stored = self._uploads.put_new("charts", name, "json", lambda part: _write(part, text))
        self._record("chart", name=str(name), kind=kind, path=stored)


def _step(step: Any) -> int | None:
    if step is None:
        return None
    try:
        return int(operator.index(step))
    except TypeError:
        return _whole(step)


def _whole(step: Any) -> int:
    try:
        number = float(step)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserErrorException(f"The step '{step}' is not a whole number.")


def _is_column(value: Any) -> bool:
    return isinstance(value, (list, tuple, range)) or getattr(value, "ndim", 0) > 0


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
