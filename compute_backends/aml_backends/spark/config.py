"""Settings of a compute target of type ``spark``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from aml_plugins.compute.own_machine import OwnMachineConfig

__all__ = ["SparkConfig"]

_MASTER = re.compile(r"local(\[[^\]]+\])?|yarn|(spark|k8s|mesos)://\S+")


def _from_text(value: object) -> object:
    """Take JSON from the command line, which has nothing but texts."""
    return json.loads(value) if isinstance(value, str) else value


class SparkConfig(OwnMachineConfig):
    """Where Spark is, and who runs its work. Drivers run on this machine."""

    spark_home: Path | None = Field(
        None, description="Spark's directory; SPARK_HOME, or that of spark-submit on the path, by default."
    )
    master: str = Field("local[*]", description="Who runs the work: local[N], spark://HOST:PORT, yarn, k8s://….")
    remote: str | None = Field(
        None,
        pattern=r"^sc://\S+$",
        description="Address of a Spark Connect server, sc://HOST:PORT.",
    )
    conf: Annotated[Mapping[str, str], BeforeValidator(_from_text)] = Field(
        default_factory=dict, description="Spark properties of every run; the run's own win."
    )

    @field_validator("master")
    @classmethod
    def _is_master(cls, value: str) -> str:
        if not _MASTER.fullmatch(value):
            raise ValueError("must be such as local[2], spark://HOST:PORT, yarn or k8s://https://HOST:PORT")
        return value

    @model_validator(mode="after")
    def _has_one(self) -> SparkConfig:
        if self.remote and "master" in self.model_fields_set:
            raise ValueError("a target has a master or a remote, not both")
        return self
