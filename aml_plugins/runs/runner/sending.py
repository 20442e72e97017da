"""Files over HTTP with signed URLs: standard library only, patient with networks, never with a refusal."""

from __future__ import annotations

import base64
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["at_once", "fetch", "send"]

_VERSION = "2021-08-06"
_PIECE = 32 << 20
_TRIES = 6
_SECONDS = 60
_AT_ONCE = 6
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


def at_once(work: Callable[[str, str], None], pairs: Iterable[tuple[str, str]]) -> None:
    """Do the same for several pairs at a time: each waits for the network, and hardly for this machine.

    :raises Exception: what one of them raised; nothing begins after that, and what had begun has ended.
    """
    every = list(pairs)
    left = iter(every)  # of all threads
    failures: list[Exception] = []

    def go_on() -> None:
        for first, second in left:
            try:
                work(first, second)
            except Exception as error:  # noqa: BLE001  raised again below, where somebody can hear it
                failures.append(error)
            if failures:
                return

    threads = [threading.Thread(target=go_on) for _ in every[1:_AT_ONCE]]
    for thread in threads:
        thread.start()
    go_on()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def fetch(url: str, path: str) -> None:
    """Bring a file, whole or not at all.

    :raises OSError: where it cannot be had.
    """
    part = f"{path}.part"

    def once() -> None:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, open(part, "wb") as file:  # noqa: S310  ours
            while True:
                piece = answer.read(1 << 20)
                if not piece:
                    break
                file.write(piece)

    _patiently(once)
    os.replace(part, path)


def send(path: str, url: str) -> None:
    """Store a file as a blob, in pieces where it is large.

    :raises OSError: where it cannot be stored.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if size <= _PIECE:
            _put(url, file.read(), {"x-ms-blob-type": "BlockBlob"})
            return
        names = []
        for number in range((size + _PIECE - 1) // _PIECE):
            name = base64.b64encode(b"%08d" % number).decode()
            _put(f"{url}&comp=block&blockid={urllib.parse.quote(name, safe='')}", file.read(_PIECE), {})
            names.append(name)
    listed = "".join(f"<Latest>{name}</Latest>" for name in names)
    _put(f"{url}&comp=blocklist", f"<?xml version='1.0' encoding='utf-8'?><BlockList>{listed}</BlockList>".encode(), {})


def _put(url: str, data: bytes, headers: dict[str, str]) -> None:
    every = dict(headers, **{"x-ms-version": _VERSION, "Content-Type": "application/octet-stream"})

    def once() -> None:
        request = urllib.request.Request(url, data=data, headers=every, method="PUT")  # noqa: S310  ours
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310  likewise

    _patiently(once)


def _patiently(once: Callable[[], T]) -> T:
    for number in range(_TRIES):
        try:
            return once()
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code not in _PASSING or number == _TRIES - 1:
                raise OSError(reason) from None  # its own text may show the URL
        except urllib.error.URLError as error:
            if number == _TRIES - 1:
                raise OSError(str(error.reason)) from None
        time.sleep(min(30, 2**number))
    raise OSError("the network gave up")
