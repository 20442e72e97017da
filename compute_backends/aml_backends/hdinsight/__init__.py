"""The compute target type ``hdinsight``: Apache Spark behind Apache Livy, as Azure HDInsight offers it."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``hdinsight``."""
    return [
        TypeDescription(
            name="hdinsight",
            factory="aml_backends.hdinsight.backend:HDInsightBackend",
            summary="Runs scripts as Spark drivers through Apache Livy, such as on an HDInsight cluster.",
            extra="hdinsight",
        )
    ]
