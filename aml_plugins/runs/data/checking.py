"""Refuse data that cannot be brought, before anything is written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import open_datastore
from aml_plugins.datastores.paths import relative_path
from aml_plugins.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.runs.configuration.sections import DataReference

__all__ = ["check_data", "variable_of"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_data(context: Context, workspace: str, data: Mapping[str, DataReference]) -> None:
    """Look at each reference, and whether its datastore answers and has what is to be read.

    :raises InvalidInputError: for a name, a path or a place that cannot be.
    :raises NotFoundError: for a datastore or an input that is not there.
    """
    places: dict[str, str] = {}
    for name, reference in data.items():
        _check_names(name, reference)
        _check_place(name, reference, places)
        datastore = open_datastore(context, workspace, reference.datastore)
        relative_path(_path(reference))
        if reference.mode == "upload":
            datastore.check()
        elif not _is_there(datastore, _path(reference)):
            raise NotFoundError(
                f"The data '{name}' are not there: the datastore '{reference.datastore}' has nothing "
                f"at '{reference.path}'.",
                f"See what there is: aml datastore files {reference.datastore}",
            )


def variable_of(name: str, reference: DataReference) -> str:
    """Return the environment variable that tells the script where the data are."""
    return reference.environment_variable or f"AZUREML_DATAREFERENCE_{name}"


def _path(reference: DataReference) -> str:
    return reference.path.strip("/")


def _is_there(datastore: Datastore, path: str) -> bool:
    return (bool(path) and datastore.exists(path)) or any(True for _ in islice(datastore.list(path), 1))


def _check_names(name: str, reference: DataReference) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"'{name[:100]}' cannot be the name of data: it becomes part of an environment variable.",
            "Use letters, digits and '_', with a letter first.",
        )
    if not VARIABLE.fullmatch(variable_of(name, reference)):
        raise InvalidInputError(
            f"The data '{name}' name an environment variable that cannot be: '{variable_of(name, reference)[:100]}'.",
            "Use letters, digits and '_', with a letter first.",
        )


def _check_place(name: str, reference: DataReference, places: dict[str, str]) -> None:
    place = reference.path_on_compute
    if place is None:
        return
    path = PurePosixPath(place)
    if path.is_absolute() or {"..", "outputs", "logs"} & set(path.parts[:1]) or ".." in path.parts or not path.parts:
        raise InvalidInputError(
            f"The data '{name}' cannot be at '{place}' on the compute target: only below the script's directory, and "
            "not in outputs/ or logs/.",
            "Write a relative path, or leave path_on_compute out: the script finds the data by their variable.",
        )
    known = places.setdefault(path.as_posix(), name)
    if known != name:
        raise InvalidInputError(
            f"The data '{known}' and '{name}' would be at the same place, '{place}'.", "Choose another."
        )
