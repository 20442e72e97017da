"""Hold a lease for as long as a block of code takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from aml_plugins.errors import StoreError

__all__ = ["held"]

logger = logging.getLogger(__name__)

SECONDS = 60.0

RecordT = TypeVar("RecordT")
LeasedT = TypeVar("LeasedT", contravariant=True)  # noqa: PLC0105  as the others are called


class _Leased(Protocol[LeasedT]):
    def acquire(self, record: LeasedT, owner: str, seconds: float) -> bool: ...
    def release(self, record: LeasedT, owner: str) -> None: ...


@contextmanager
def held(rows: _Leased[RecordT], record: RecordT, owner: str) -> Iterator[bool]:
    """Take the lease, renew it in the background, give it up at the end; yield False where another holds it."""
    if not rows.acquire(record, owner, SECONDS):
        yield False
        return
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(rows, record, owner, over), daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        over.set()
        renewing.join()
        rows.release(record, owner)


def _renew(rows: _Leased[RecordT], record: RecordT, owner: str, over: threading.Event) -> None:
    while not over.wait(SECONDS / 3):
        try:
            rows.acquire(record, owner, SECONDS)
        except StoreError as error:
            logger.warning("A lease cannot be renewed now: %s", error)
