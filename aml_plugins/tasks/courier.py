"""Brings letters from the outbox to webhooks, beside whatever else this process does."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, NotFoundError, StoreError
from aml_plugins.secrets import is_reference, resolve_secrets
from aml_plugins.store.opening import is_server
from aml_plugins.tasks.messages import as_json, event_id, text_of
from aml_plugins.tasks.outbox import Letter, Outbox
from aml_plugins.workspaces.notifications import Notification, find_notification, notifications

if TYPE_CHECKING:
    from collections.abc import Callable

    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import TaskEvent

__all__ = ["MOST_TRIES", "Courier", "Posting", "courier_of", "send_now"]

logger = logging.getLogger(__name__)

MOST_TRIES = 82
"""So many tries take three days with the pauses between them; the clock, which may jump, is not asked for that."""
_FAREWELL_SECONDS = 5.0
_LOOK_SECONDS = 5.0


class Posting:
    """Puts events into the outbox for those whom their workspaces notify; not for a store whose server does.

    :param home: whose outbox.
    :param settings: returns a workspace's settings.
    """

    def __init__(self, store: Store, home: Path, settings: Callable[[str], JsonObject]) -> None:
        self._store = store
        self._home = home
        self._settings = settings
        self._wanted: dict[str, tuple[Notification, ...]] = {}

    def post(self, event: TaskEvent) -> None:
        """Keep the event for each webhook that wants it, before it counts as told.

        :raises StoreError: where that cannot be done.
        """
        if is_server(self._store.uri):
            return
        if event.workspace not in self._wanted:
            self._wanted[event.workspace] = tuple(notifications(self._settings(event.workspace)))
        for wanted in self._wanted[event.workspace]:
            if wanted.wants(event):
                courier_of(self._store, self._home).post(
                    Letter(workspace=event.workspace, webhook=wanted.name, event=event, written=time.time())
                )


class Courier:
    """One thread of a process that sends what is due, and waits for what is not."""

    def __init__(self, store: Store, home: Path) -> None:
        self.outbox = Outbox(home, store.uri)
        self._store = store
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def post(self, letter: Letter) -> None:
        """Keep a letter and begin to send."""
        self.outbox.put(letter)
        self.start()

    def start(self) -> None:
        """Send in the background what is there; does nothing where that goes on already."""
        with self._lock:
            self._wake.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="aml-courier", daemon=True)
                self._thread.start()

    def finish(self) -> None:
        """Give what was written last a moment to be taken; what is left is sent by whoever comes next."""
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while self._has_fresh() and time.monotonic() < deadline:
            time.sleep(0.02)

    def send_due(self) -> float:
        """Send what is due, one after the other; return the seconds until more is, infinity for nothing left.

        A webhook that fails is left alone in this round: what comes after would overtake what it refused.
        """
        failed: set[tuple[str, str]] = set()
        left: list[float] = []
        with self.outbox.alone() as is_mine:
            if not is_mine:
                return _LOOK_SECONDS if not self.outbox.is_empty() else float("inf")
            for letter in self.outbox.letters():
                place = (letter.workspace, letter.webhook)
                if place in failed:
                    continue
                waits = self._deliver(letter) if letter.is_due(time.time()) else letter
                if waits is not None:
                    left.append(waits.due)
                    failed.add(place)
        return max(0.05, min(left) - time.time()) if left else float("inf")

    def _deliver(self, letter: Letter) -> Letter | None:
        """Send a letter; return it as it waits for its next try, None where it is done with."""
        trouble = self._trouble(letter)
        if trouble is None:
            self.outbox.taken(letter)
            return None
        if letter.tries + 1 >= MOST_TRIES:
            logger.warning("Event %s is given up for '%s': %s.", event_id(letter.event), letter.webhook, trouble)
            self.outbox.taken(letter)
            return None
        level = logging.INFO if letter.tries else logging.WARNING
        logger.log(level, "Event %s was not taken by '%s': %s.", event_id(letter.event), letter.webhook, trouble)
        return self.outbox.postpone(letter)

    def _trouble(self, letter: Letter) -> str | None:
        try:
            wanted = find_notification(self._store, letter.workspace, letter.webhook)
        except NotFoundError:  # removed meanwhile
            return None
        except StoreError as error:
            return str(error).rstrip(".")
        try:
            return send_now(wanted, letter.event)
        except AmlError as error:  # a secret that this process cannot see
            return str(error).rstrip(".")

    def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = self.send_due()
            except (AmlError, OSError) as error:
                logger.warning("Notifications wait: %s", error)
                pause = _LOOK_SECONDS
            if pause == float("inf"):
                with self._lock:  # nobody can have woken us in vain
                    if not self._wake.is_set():
                        self._thread = None
                        return
                continue
            self._wake.wait(min(pause, 60.0))

    def _has_fresh(self) -> bool:
        return any(not letter.tries for letter in self.outbox.letters())


def send_now(wanted: Notification, event: TaskEvent) -> str | None:
    """Send an event once; return what went wrong, None where it was taken.

    :raises InvalidInputError: for a secret that has no value here, or is no URL.
    """
    from aml_plugins.tasks.addresses import careful_opener  # noqa: PLC0415  urllib, for those who notify only
    from aml_plugins.tasks.webhook import Webhook  # noqa: PLC0415  as above

    url = resolve_secrets({"url": wanted.url})["url"] if is_reference(wanted.url) else wanted.url
    webhook = Webhook(url, wanted.secret, opener=careful_opener())
    body = json.dumps({"text": text_of(event)}).encode() if wanted.form == "slack" else as_json(event)
    return webhook.post(event_id(event), body)[0]


_couriers: dict[tuple[int, str, Path], Courier] = {}


def courier_of(store: Store, home: Path) -> Courier:
    """Return the process's courier of a store; it says farewell when the process ends."""
    key = (os.getpid(), store.uri, home)
    if key not in _couriers:
        _couriers[key] = Courier(store, home)
        atexit.register(_couriers[key].finish)
    return _couriers[key]
