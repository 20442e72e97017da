"""For backends that run Spark: what the ``spark`` section of a run configuration asks for."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aml_plugins.compute.job import JobSpec
from aml_plugins.errors import InvalidInputError

__all__ = ["FILE_LISTS", "check_spark_files", "files_from_snapshot", "is_address", "paths_in_snapshot", "spark_name"]

FILE_LISTS = ("py_files", "jars", "files", "archives")
"""The keys whose values are addresses, or paths in the source directory."""


def spark_name(spec: JobSpec, key: str) -> str:
    """Return the name that the Spark application shall have."""
    return str((spec.spark or {}).get("name") or spec.display.get("run") or key)


def is_address(name: str) -> bool:
    """Say whether Spark finds a file itself; else it is one of the source directory."""
    return "://" in name


def paths_in_snapshot(spec: JobSpec) -> list[str]:
    """Return the paths of the source directory that Spark shall distribute."""
    spark: Mapping[str, Any] = spec.spark or {}
    return sorted({name for key in FILE_LISTS for name in spark.get(key) or () if not is_address(name)})


def check_spark_files(spec: JobSpec) -> None:
    """Refuse paths that leave the source directory.

    :raises InvalidInputError: with what to do instead.
    """
    for name in paths_in_snapshot(spec):
        if name.startswith("/") or ".." in name.split("/"):
            raise InvalidInputError(
                f"The file '{name}' of the 'spark' section lies outside of the source directory.",
                "Name a file inside of it, or an address such as abfs://…",
            )


def files_from_snapshot(spec: JobSpec, snapshot: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of what Spark shall distribute: it knows nothing of snapshots.

    :raises InvalidInputError: for a path that is not there.
    """
    names = paths_in_snapshot(spec)
    if not names:
        return
    with zipfile.ZipFile(snapshot) as archive:
        for name in names:
            try:
                yield name, archive.read(name)
            except KeyError:
                raise InvalidInputError(
                    f"The file '{name}' of the 'spark' section is not in the source directory.",
                    "Name a file inside of it, or an address such as abfs://…",
                ) from None
