"""Show what a script logs while it runs: new lines of ``records.jsonl`` are appended to a blob.

Only for the eye: the whole file comes home with the results, and whoever reads here begins anew where the blob is
shorter than before (another pod took the job over). So trouble does not disturb the job: the next look tries again.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request

__all__ = ["Live"]

RECORDS = "records.jsonl"
_VERSION = "2021-08-06"
_SECONDS = 15
_PAUSES = (1.0, 30.0)
_PIECE = 1 << 20
_MOVED = 412


class Live:
    """Sends in a thread of its own; made without a URL, it does nothing.

    :param url: of a blob that may be created and written to.
    """

    def __init__(self, directory: str, url: str | None) -> None:
        self._path = os.path.join(directory, RECORDS)
        self._url = url
        self._sent = 0
        self._is_there = False
        self._over = threading.Event()

    def start(self) -> None:
        """Begin, where there is a URL."""
        if self._url:
            threading.Thread(target=self._go_on, daemon=True).start()

    def stop(self) -> None:
        """Send nothing more."""
        self._over.set()

    def _go_on(self) -> None:
        pause = _PAUSES[0]
        while not self._over.wait(pause):
            try:
                sent = self._send_new()
            except OSError:
                sent = False
            # A blob takes 50,000 pieces: a script that logs for days sends larger ones less often.
            pause = _PAUSES[0] if not self._sent else min(_PAUSES[1], pause * 1.1 if sent else pause)

    def _send_new(self) -> bool:
        try:
            with open(self._path, "rb") as file:
                file.seek(self._sent)
                data = file.read(_PIECE)
        except FileNotFoundError:
            return False
        data = data[: data.rfind(b"\n") + 1]
        if not data:
            return False
        if not self._is_there:
            self._put("", b"", {"x-ms-blob-type": "AppendBlob"})
            self._is_there = True
        try:
            self._put("&comp=appendblock", data, {"x-ms-blob-condition-appendpos": str(self._sent)})
        except urllib.error.HTTPError as error:
            if error.code != _MOVED:  # an earlier try arrived, and only its answer did not
                raise
        self._sent += len(data)
        return True

    def _put(self, more: str, data: bytes, headers: dict[str, str]) -> None:
        every = dict(headers, **{"x-ms-version": _VERSION, "Content-Type": "application/octet-stream"})
        request = urllib.request.Request(str(self._url) + more, data=data, headers=every, method="PUT")  # noqa: S310  ours
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310  likewise
