"""Settings of a compute target of type ``spark``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from aml_backends.spark.address import check_address
from aml_plugins.compute.own_machine import OwnMachineConfig
from aml_plugins.plugins.structured import NAMED_TEXTS

__all__ = ["SparkConfig"]

_MASTER = re.compile(r"local(\[[^\]]+\])?|yarn|(spark|k8s|mesos)://\S+")


class SparkConfig(OwnMachineConfig):
    """Where Spark is, and who runs its work. Drivers run on this machine."""

    spark_home: Path | None = Field(
        None, description="Spark's directory; SPARK_HOME, or that of spark-submit on the path, by default."
    )
    master: str = Field("local[*]", description="Who runs the work: local[N], spark://HOST:PORT, yarn, k8s://….")
    remote: str | None = Field(
        None, description="Address of a Spark Connect server, sc://HOST:PORT, in place of a master."
    )
    token: str | None = Field(None, description="What the server of 'remote' asks for, as secret://STORE/NAME.")
    conf: Annotated[Mapping[str, str], NAMED_TEXTS] = Field(
        default_factory=dict, description="Spark properties of every run; the run's own win."
    )

    @field_validator("master")
    @classmethod
    def _is_master(cls, value: str) -> str:
        if not _MASTER.fullmatch(value):
            raise ValueError("must be such as local[2], spark://HOST:PORT, yarn or k8s://https://HOST:PORT")
        return value

    @field_validator("remote")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else check_address(value)

    @field_validator("token")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("secret://"):
            raise ValueError("must be a reference such as secret://env/SPARK_TOKEN, never the token itself")
        return value

    @model_validator(mode="after")
    def _has_one(self) -> SparkConfig:
        if self.remote and "master" in self.model_fields_set:
            raise ValueError("a target has a master or a remote, not both")
        if self.remote and self.conf:
            raise ValueError("a target with a remote has no conf: properties are those of its server")
        if self.token and not self.remote:
            raise ValueError("a token is for a remote: set both, or none")
        return self
