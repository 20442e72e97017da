"""The smaller sections of a run configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aml_plugins.runs.configuration.quantities import Count, Memory, Number
from aml_plugins.runs.configuration.section import Section
from aml_plugins.runs.configuration.text import Settings

__all__ = ["DataReference", "Resources", "Spark"]


class Resources(Section):
    """What the script needs on each node; the target's default where nothing is said."""

    cpu: Number | None = Field(
        None, gt=0, le=100_000, description="Processor cores; fractions where the target allows."
    )
    memory: Memory | None = Field(None, description="Memory, such as 4Gi (binary) or 4G (decimal).")
    gpu: Count | None = Field(None, ge=0, le=10_000, description="Graphics processors.")
    extended: Settings = Field(
        default_factory=dict, description="Further resources by the target's own names, such as nvidia.com/mig-1g.5gb."
    )


class DataReference(Section):
    """A path of a datastore that the script reads or writes."""

    datastore: str = Field(min_length=1, description="Name of the datastore.")
    path: str = Field("", description="Path in the datastore; its root by default.")
    mode: Literal["download", "mount", "upload"] = Field(
        "download", description="download or mount before the script starts (input), upload after it ended (output)."
    )
    path_on_compute: str | None = Field(
        None, min_length=1, description="Where the data is on the target; a directory of its own by default."
    )
    overwrite: bool = Field(default=False, description="Whether existing data may be replaced.")
    environment_variable: str | None = Field(
        None,
        min_length=1,
        description="Variable that tells the script the path; AZUREML_DATAREFERENCE_NAME by default.",
    )


class Spark(Section):
    """How spark-submit starts the script. Without this section it is a Python script."""

    conf: Settings = Field(default_factory=dict, description="Spark properties, such as spark.executor.cores.")
    py_files: tuple[str, ...] = Field((), description="Python files and archives for the executors.")
    jars: tuple[str, ...] = Field((), description="JAR files for driver and executors.")
    files: tuple[str, ...] = Field((), description="Files for the working directory of each executor.")
    archives: tuple[str, ...] = Field((), description="Archives to unpack on each executor.")
    packages: tuple[str, ...] = Field((), description="Maven packages as GROUP:ARTIFACT:VERSION.")
    repositories: tuple[str, ...] = Field((), description="Further Maven repositories for 'packages'.")
    deploy_mode: Literal["client", "cluster"] | None = Field(
        None, description="Where the driver runs; the target's own choice by default."
    )
    driver_memory: str | None = Field(None, pattern=r"^[0-9]+[kmgtKMGT]?$", description="As spark-submit has it: 4g.")
    driver_cores: Count | None = Field(None, ge=1, description="Cores of the driver.")
    executor_memory: str | None = Field(None, pattern=r"^[0-9]+[kmgtKMGT]?$", description="Per executor: 4g.")
    executor_cores: Count | None = Field(None, ge=1, description="Cores of each executor.")
    num_executors: Count | None = Field(None, ge=1, description="Number of executors.")
    queue: str | None = Field(None, min_length=1, description="YARN queue.")
    name: str | None = Field(None, min_length=1, description="Name of the Spark application; the run's by default.")
    remote: str | None = Field(
        None,
        pattern=r"^sc://[^/;@\s]+(/(;[^;=\s]+=[^;=\s]*)*)?$",
        description="Spark Connect server, sc://HOST:PORT, whose client the script is; no token in it.",
    )
