"""The compute target type ``spark``: spark-submit on this machine, or Spark Connect."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``spark``."""
    return [
        TypeDescription(
            name="spark",
            factory="aml_backends.spark.backend:SparkBackend",
            summary="Runs scripts as Spark drivers on this machine: local, a master, or Spark Connect.",
            extra="spark",
        )
    ]
