"""What a monitor does for images and services: finish builds whose builder died, keep services as they shall be."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError
from aml_plugins.services.driving import ServiceWatch
from aml_plugins.store.leases import new_owner

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import ImageRecord

__all__ = ["ServingWatch"]

logger = logging.getLogger(__name__)


class ServingWatch:
    """Images and services of a store, or of one workspace. A build takes minutes, so it has a thread of its own."""

    def __init__(self, context: Context, workspace: str | None = None) -> None:
        self._context = context
        self._workspace = workspace
        self._owner = new_owner()
        self._services = ServiceWatch(context, workspace)
        self._building: threading.Thread | None = None

    def has_work(self) -> bool:
        """Say whether something is on its way that nobody else drives."""
        return self._is_building or self._services.has_work() or bool(self._due())

    def round(self) -> tuple[int, bool]:
        """Look once; return how many things are on their way, and whether any moved."""
        unsettled, moved = self._services.round()
        due = [] if self._is_building else self._due()
        if due:
            self._building = threading.Thread(target=self._build, args=(due[0],), daemon=True)
            self._building.start()
        return unsettled + len(due) + self._is_building, moved

    @property
    def _is_building(self) -> bool:
        return self._building is not None and self._building.is_alive()

    def _due(self) -> list[ImageRecord]:
        return list(self._context.store.images.due(self._owner, self._workspace))

    def _build(self, record: ImageRecord) -> None:
        from aml_plugins.images.building import build_image  # noqa: PLC0415  most monitors build nothing

        try:
            build_image(self._context, record)
        except AmlError as error:
            logger.warning("The image %s:%s cannot be built now: %s", record.name, record.version, error)
