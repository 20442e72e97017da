"""Wait for a version of a registered model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import PokeReturnValue  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.model_choice import ModelChoice
from aml_airflow.sensors.base import ADDRESS_FIELDS, AmlBaseSensor
from aml_airflow.triggers.model import AmlModelTrigger
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["AmlModelSensor"]


class AmlModelSensor(AmlBaseSensor):
    """Waits until a model has a version as it is wanted; returns ``NAME:VERSION``, the newest that is so.

    :param model_name: the model, which need not be there yet. (templated)
    :param version: this version; None for any. (templated)
    :param alias: a version that has this alias in MLflow. (templated)
    :param tags: a version that has these tags. (templated)
    """

    template_fields: Sequence[str] = ("model_name", "version", "alias", "tags", *ADDRESS_FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}

    def __init__(
        self,
        *,
        model_name: str,
        version: str | None = None,
        alias: str | None = None,
        tags: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        self.version = version
        self.alias = alias
        self.tags = tags

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        del context
        from aml_plugins import Model  # noqa: PLC0415  DAG files are parsed without it

        choice = ModelChoice(self.version, self.alias, self.tags or {})
        with self.opened() as workspace:
            try:
                found = choice.of(Model.list(workspace, self.model_name))
            except NotFoundError:
                found = None
        return PokeReturnValue(found is not None, f"{found.name}:{found.version}" if found else None)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the version."""
        del context
        return str(event["model"])

    def trigger(self) -> AmlModelTrigger:
        """Return what waits in the triggerer."""
        return AmlModelTrigger(
            model_name=self.model_name,
            version=self.version,
            alias=self.alias,
            tags=self.tags,
            poll_interval=self.poke_interval,
            **self.address.to_dict(),
        )
