"""Who may call: the keys of a file that is read again when it changes, so keys rotate without a restart."""

from __future__ import annotations

import hmac
import logging
import os
import time

from .answers import Answer, error_answer
from .incoming import Incoming

__all__ = ["Keys", "open_keys"]

logger = logging.getLogger("azmlinfsrv")

_LOOK_SECONDS = 0.5
_SCHEME = "bearer "


class Keys:
    """The keys that are valid now. A file that is missing or empty lets nobody in.

    :param path: one key a line.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._looked = 0.0
        self._seen: tuple[int, int] | None = None
        self._keys: tuple[bytes, ...] = ()

    def refusal(self, incoming: Incoming) -> Answer | None:
        """Return the answer for somebody without a key, None for who has one."""
        self._refresh()
        given = incoming.header(b"authorization") or ""
        key = given[len(_SCHEME) :].strip().encode() if given.lower().startswith(_SCHEME) else b""
        # All are compared, so that the time tells nobody which one was close.
        if sum(hmac.compare_digest(key, known) for known in self._keys):
            return None
        answer = error_answer(401, "A valid key is required. Send it as: Authorization: Bearer KEY")
        answer.set(b"www-authenticate", b"Bearer")
        return answer

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            status = os.stat(self._path)
            seen = (status.st_mtime_ns, status.st_ino)
            if seen != self._seen:
                with open(self._path, "rb") as file:
                    self._keys = tuple(line.strip() for line in file if line.strip())
                self._seen = seen
        except OSError as error:
            self._keys, self._seen = (), None
            logger.error("The keys cannot be read, so nobody is let in: %s", error.strerror)  # noqa: TRY400  the sentence says it


def open_keys(path: str | None) -> Keys | None:
    """Return None where everybody may call."""
    return Keys(path) if path else None
