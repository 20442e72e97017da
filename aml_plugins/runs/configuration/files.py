"""Run configuration files: where they are, reading and writing them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.runs.configuration.documents import Document, read_document
from aml_plugins.runs.configuration.mistakes import explain
from aml_plugins.runs.configuration.section import Section
from aml_plugins.suggestions import did_you_mean

__all__ = ["load", "save"]

_C = TypeVar("_C", bound=Section)

_FOLDER: Final = ".aml"
_SUFFIX: Final = ".runconfig"
_OLD_FOLDERS: Final = ("aml_config", ".azureml")

# What a script or Spark gets as text must arrive as written: YAML reads 3.10 as the number 3.1.
_TEXTS: Final = (
    ("arguments",),
    ("environment_variables",),
    ("tags",),
    ("environment", "python"),
    ("environment", "arguments"),
    ("environment", "shm_size"),
    ("spark", "conf"),
    ("spark", "driver_memory"),
    ("spark", "executor_memory"),
    ("resources", "extended"),
)


def load(model: type[_C], directory: Path, name: str) -> _C:
    """Find and read a run configuration; see ``RunConfiguration.load``."""
    path = _find(directory, name)
    document = read_document(path, _display(path, directory))
    from aml_plugins.runs.configuration.azure_ml import is_azure_ml, read  # noqa: PLC0415  only where a file is read

    if path.parent.name in _OLD_FOLDERS or is_azure_ml(document.value):
        return read(model, document, directory, path)
    return _ours(model, document)


def _ours(model: type[_C], document: Document) -> _C:
    values = document.worded(*_TEXTS)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explain(error, values, document) from None


def _find(directory: Path, name: str) -> Path:
    if not directory.is_dir():
        raise NotFoundError(f"The directory '{directory}' does not exist.", "Name the directory of your script.")
    for path in _candidates(directory, name):
        with suppress(OSError, ValueError):
            if path.is_file():
                return path
    known = sorted({stem for root in _roots(directory) for stem in _known(root)})
    hint = did_you_mean(name, known) + _overruled(directory, name)
    raise NotFoundError(
        f"'{directory}' has no run configuration '{name[:100]}'.{hint}",
        f"There is: {', '.join(known)}."
        if known
        else f"Write {directory / _FOLDER / 'NAME.runconfig'}, or name a file.",
    )


def _overruled(directory: Path, name: str) -> str:
    """Say so where the file is in the one of Azure ML's folders that does not count."""
    winner, loser = (directory / folder for folder in _OLD_FOLDERS)
    with suppress(OSError, ValueError):  # such a name is nowhere
        if winner.exists() and any((loser / file).is_file() for file in (name, name + _SUFFIX)):
            return f" It is in '{loser.name}', which is not read where there is an '{winner.name}', as in Azure ML."
    return ""


def _candidates(directory: Path, name: str) -> Iterator[Path]:
    if not name:
        return
    if "/" in name or os.sep in name:
        yield Path(name)
        yield directory / name
        return
    for root in _roots(directory):
        yield root / _FOLDER / (name if name.endswith(_SUFFIX) else name + _SUFFIX)
        old = _old_folder(root)
        yield from (old / name, old / (name + _SUFFIX), root / (name + _SUFFIX), root / name)


def _roots(directory: Path) -> tuple[Path, ...]:
    """A project may have its configurations beside its source directory: there a command is typed."""
    here = Path()
    return (directory,) if directory.absolute() == here.absolute() else (directory, here)


def _old_folder(directory: Path) -> Path:
    """Azure ML v1's rule: ``aml_config`` wins where it exists, even where it lacks the file."""
    return directory / next((name for name in _OLD_FOLDERS if (directory / name).exists()), _OLD_FOLDERS[-1])


def _known(directory: Path) -> Iterator[str]:
    for folder in (directory / _FOLDER, _old_folder(directory)):
        yield from (path.stem for path in folder.glob(f"*{_SUFFIX}"))


def _display(path: Path, directory: Path) -> str:
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


def save(config: Section, directory: Path, name: str) -> Path:
    """Write a run configuration; see ``RunConfiguration.save``."""
    from aml_plugins.runs.configuration.yaml_dialect import dump  # noqa: PLC0415  PyYAML only where a file is written

    stem = name.removesuffix(_SUFFIX)
    if not stem or stem.startswith(".") or any(letter in stem for letter in "/\\\0"):
        raise InvalidInputError(
            f"'{name[:100]}' is not a name for a run configuration.", "Use letters, digits, '-', '_'."
        )
    path = directory / _FOLDER / (stem + _SUFFIX)
    text = dump(config.model_dump(mode="json", exclude_defaults=True))
    try:
        path.parent.mkdir(exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise InvalidInputError(
            f"'{path}' cannot be written: {error.strerror}.", "Check the path and its rights."
        ) from None
    return path


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes files private; a run configuration is shared like the source next to it.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
