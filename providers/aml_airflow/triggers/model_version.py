"""Watch a registered model: each new version is an event of its asset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import AssetWatcher  # noqa: TID253  this is the leaf that Airflow loads
from airflow.triggers.base import BaseEventTrigger, TriggerEvent  # noqa: TID253  see above

from aml_airflow.identity import MAKER
from aml_airflow.triggers.base import AmlBaseTrigger
from aml_airflow.watching.watch import watch_of

if TYPE_CHECKING:
    from aml_plugins import Model

__all__ = ["AmlModelVersionTrigger", "watch_model"]

_NEWEST = "aml.newest_version"


class AmlModelVersionTrigger(AmlBaseTrigger, BaseEventTrigger):
    """Tells of each new version of a model, for ever. Its event is ``{"model": "NAME:VERSION"}``.

    What is there when the watch begins is not new. From then on nothing is missed, also while no triggerer runs: the
    last version that was told is kept with the asset (Airflow 3.3 and newer).

    :param model_name: the model; it need not be there yet.
    :param airflows_own: False leaves out what ``AmlRegisterModelOperator`` registers, which says so itself.
    """

    _written: ClassVar[tuple[str, ...]] = ("model_name", "airflows_own")

    def __init__(self, *, model_name: str, airflows_own: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        self.airflows_own = airflows_own

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each version."""
        told = await self._told()
        async with watch_of(self.address).subscription("model", self.model_name, self.poll_interval) as subscription:
            while True:
                versions: Sequence[Model] = await subscription.news() or ()
                newest = max((int(model.version) for model in versions), default=0)
                if told is None:
                    told = newest
                    await self._tell(told)
                for model in reversed(versions):
                    if int(model.version) > told and (self.airflows_own or MAKER not in model.tags):
                        yield _event(model)
                if newest > told:
                    told = newest
                    await self._tell(told)

    async def _told(self) -> int | None:
        """Return the last version that was told, None where nobody knows."""
        state = getattr(self, "asset_state_store", None)
        found = await state.aget(_NEWEST) if state is not None else None
        return int(found) if found is not None else None

    async def _tell(self, version: int) -> None:
        state = getattr(self, "asset_state_store", None)
        if state is not None:
            await state.aset(_NEWEST, version)


def _event(model: Model) -> TriggerEvent:
    return TriggerEvent({"model": f"{model.name}:{model.version}"})  # type: ignore[no-untyped-call]  # Airflow's own


def watch_model(model_name: str, **settings: Any) -> AssetWatcher:
    """Return the watcher of a model's asset: ``model_asset("iris", watchers=[watch_model("iris")])``.

    :param settings: of :class:`AmlModelVersionTrigger`.
    """
    return AssetWatcher(name=f"aml-{model_name}", trigger=AmlModelVersionTrigger(model_name=model_name, **settings))
