"""Make the directory that a function's run submits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aml_airflow.functions import entry
from aml_airflow.functions.capturing import CapturingError, capture
from aml_airflow.functions.values import LARGEST_VALUE, write_arguments

__all__ = ["SCRIPT", "Call", "staged"]

SCRIPT = "aml_task_main.py"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A function, and what it is called with.

    :param beside: a directory whose files travel along, such as modules that the function imports.
    """

    function: Callable[..., Any]
    positional: Sequence[Any]
    named: Mapping[str, Any]
    serializer: str
    beside: str | None = None


@contextmanager
def staged(call: Call) -> Iterator[tuple[Path, list[str]]]:
    """Yield the directory to submit and its script's arguments; it is gone afterwards.

    :raises CapturingError: for what cannot travel.
    """
    text = capture(call.function)
    with TemporaryDirectory(prefix="aml-task-") as place:
        directory = Path(place) / "source"
        if call.beside is None:
            directory.mkdir()
        else:
            _copy(Path(call.beside), directory)
        _refuse_taken_names(directory)
        (directory / "aml_task_function.py").write_text(text)
        shutil.copyfile(entry.__file__, directory / SCRIPT)
        arguments = write_arguments(directory, call.positional, call.named, call.serializer)
        yield directory, [call.function.__name__, arguments, call.serializer, str(LARGEST_VALUE)]


def _refuse_taken_names(directory: Path) -> None:
    """What is written here must not be written through a second name of somebody's file."""
    taken = sorted(path.name for path in directory.glob("aml_task_*"))
    if taken:
        raise CapturingError(f"The source directory has {', '.join(taken)}: such names belong to the task itself.")


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise CapturingError(f"The source directory '{source}' does not exist.")
    shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """Nothing writes to the files, so a second name of each is enough where both are on one file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)
