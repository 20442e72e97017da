"""Wait for a version of a registered model."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from airflow.triggers.base import TriggerEvent  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.model_choice import ModelChoice
from aml_airflow.triggers.base import AmlBaseTrigger
from aml_airflow.watching.watch import watch_of

__all__ = ["AmlModelTrigger"]


class AmlModelTrigger(AmlBaseTrigger):
    """Waits until a model has a version as it is wanted. Its event is ``{"model": "NAME:VERSION"}``.

    :param model_name: the model.
    :param version: this version; None for any.
    :param alias: a version that has this alias.
    :param tags: a version that has these tags.
    """

    _written: ClassVar[tuple[str, ...]] = ("model_name", "version", "alias", "tags")

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
        self.tags = dict(tags or {})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event once there is such a version."""
        begun = time.monotonic()
        choice = ModelChoice(self.version, self.alias, self.tags)
        async with watch_of(self.address).subscription("model", self.model_name, self.poll_interval) as subscription:
            while (found := choice.of(await subscription.news() or ())) is None:
                continue
        await self.handed_over(begun)
        yield TriggerEvent({"model": f"{found.name}:{found.version}"})  # type: ignore[no-untyped-call]  # Airflow has not typed it
