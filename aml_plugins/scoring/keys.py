"""Who may call: the keys of a file that is read again when it changes, so keys rotate without a restart.

Where no file can be had, the digests of the keys will do: they may be read by who must not call.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import time

from .answers import Answer, error_answer
from .incoming import Incoming

__all__ = ["Digests", "Keys", "open_keys"]

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
        return None if _is_among(_given(incoming), self._keys) else _refusal()

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


class Digests:
    """The keys by their digests, for as long as the server runs. Without any, nobody is let in.

    :param digests: SHA-256, hexadecimal, separated by commas.
    """

    def __init__(self, digests: str) -> None:
        self._digests = tuple(one.strip().lower().encode() for one in digests.split(",") if one.strip())

    def refusal(self, incoming: Incoming) -> Answer | None:
        """Return the answer for somebody without a key, None for who has one."""
        given = hashlib.sha256(_given(incoming)).hexdigest().encode()
        return None if _is_among(given, self._digests) else _refusal()


def open_keys(path: str | None, digests: str | None = None) -> Keys | Digests | None:
    """Return None where everybody may call."""
    if digests is not None:
        return Digests(digests)
    return Keys(path) if path else None


def _given(incoming: Incoming) -> bytes:
    given = incoming.header(b"authorization") or ""
    return given[len(_SCHEME) :].strip().encode() if given.lower().startswith(_SCHEME) else b""


def _is_among(given: bytes, known: tuple[bytes, ...]) -> bool:
    """All are compared, so that the time tells nobody which one was close."""
    return bool(sum(hmac.compare_digest(given, one) for one in known))


def _refusal() -> Answer:
    answer = error_answer(401, "A valid key is required. Send it as: Authorization: Bearer KEY")
    answer.set(b"www-authenticate", b"Bearer")
    return answer
