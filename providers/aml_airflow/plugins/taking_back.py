"""Take back what tasks have begun, in threads: a request to Airflow, and its transaction, wait for nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_airflow.address import Address
    from aml_airflow.plugins.begun import Begun
    from aml_airflow.triggers.base import AmlBaseTrigger
    from aml_plugins import Workspace

__all__ = ["take_back_all", "take_back_deferred", "threads"]

logger = logging.getLogger(__name__)

THREADS = 4


@cache
def threads() -> ThreadPoolExecutor:
    """Return the process's threads for this."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="aml-taking-back")


def take_back_deferred(kind: str, arguments: dict[str, Any]) -> None:
    """Do what the trigger would do that a user kills."""
    module, _, name = kind.rpartition(".")
    trigger: AmlBaseTrigger = getattr(import_module(module), name)(**arguments)
    _in_workspace(trigger.address, trigger.take_back, arguments)


def take_back_all(begun: Collection[Begun]) -> None:
    """Do what the workers would do that are killed; what fails for one is no reason to leave the others."""
    for address in {one.address for one in begun}:
        here = [one for one in begun if one.address == address]

        def take_back(workspace: Workspace, here: Collection[Begun] = here) -> None:
            for one in here:
                with _told(one):
                    one.take_back(workspace)

        _in_workspace(address, take_back, here)


def _in_workspace(address: Address, take_back: Callable[[Workspace], object], what: object) -> None:
    """Have something taken back, and leave the rest to a monitor."""
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  only where there is something

    with _told(what), closing(address.open()) as workspace:
        take_back(workspace)
        ensure_monitor(workspace.context)


@contextmanager
def _told(what: object) -> Iterator[None]:
    """Write into the log what could not be taken back: nobody else would tell."""
    try:
        yield
    except AmlError as error:
        logger.warning("A task was marked or deleted, and what it began may go on: %s (%s)", error, what)
    except Exception:
        logger.exception("A task was marked or deleted, and what it began may go on: %s", what)
