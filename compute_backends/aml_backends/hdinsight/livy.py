"""The part of Livy's REST API that batches need; errors in words.

Source: the REST API page of Apache Livy 0.7 and 0.8, and what the server answers in practice: it wants
``X-Requested-By`` on whatever changes something, finds batches by name as well as by number, and answers a second
batch of one name with 400 ``Duplicate session name``, and one too many at once (``livy.server.session.max-creation``)
with 400 ``Rejected, too many sessions are being created!``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aml_plugins.compute import JsonObject
from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

if TYPE_CHECKING:
    import httpx

__all__ = ["LOG_LINES", "Livy"]

PAGE = 500
LOG_LINES = 1000
"""So much is asked for of what Livy keeps of the log of spark-submit, and of what YARN says."""
_BUSY = (429, 502, 503, 504)
_FULL = "too many sessions"
_TAGS = re.compile(r"<[^>]+>")


class Livy:
    """One Livy server. Every call is one request, but for :meth:`batches`, which is one a page.

    :param url: where ``/batches`` lies below.
    """

    def __init__(self, url: str, *, auth: tuple[str, str] | None, timeout: float, ca_file: str | None = None) -> None:
        import httpx  # noqa: PLC0415  plugins are light where they are looked at

        self._url = url
        self._http = httpx.Client(
            auth=auth,
            timeout=timeout,
            headers={"X-Requested-By": "aml-plugins"},
            verify=_trust(ca_file) if ca_file else True,
        )

    def create(self, batch: JsonObject) -> bool:
        """Start a batch; False where there is one of this name."""
        answer = self._ask("POST", "/batches", json=batch)
        if answer.status_code == HTTPStatus.BAD_REQUEST and "Duplicate session name" in answer.text:
            return False
        if answer.status_code == HTTPStatus.BAD_REQUEST and _FULL in answer.text:
            raise TransientBackendError(f"Livy at {self._url} starts as many applications as it may at once.")
        self._expect(answer, 200, 201)
        return True

    def find(self, name: str) -> Mapping[str, Any] | None:
        """Return the batch of this name, None where Livy has none."""
        answer = self._ask("GET", f"/batches/{name}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        self._expect(answer, 200)
        found = answer.json()
        return found if found.get("name") == name else None

    def batches(self) -> Iterator[Mapping[str, Any]]:
        """Return all batches that Livy remembers."""
        start = 0
        while True:
            answer = self._ask("GET", "/batches", params={"from": start, "size": PAGE})
            self._expect(answer, 200)
            page = answer.json().get("sessions") or []
            yield from page
            start += len(page)
            if len(page) < PAGE:
                return

    def log(self, number: int, lines: int = 100) -> list[str]:
        """Return the last lines of the log of spark-submit."""
        answer = self._ask("GET", f"/batches/{number}/log", params={"from": -1, "size": lines})
        return list(answer.json().get("log") or []) if answer.status_code == HTTPStatus.OK else []

    def delete(self, number: int) -> None:
        """End a batch and forget it; one that is missing is fine."""
        answer = self._ask("DELETE", f"/batches/{number}")
        if answer.status_code != HTTPStatus.NOT_FOUND:
            self._expect(answer, 200)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **details: Any) -> httpx.Response:
        import httpx  # noqa: PLC0415  see above

        try:
            answer = self._http.request(method, self._url + path, **details)
        except httpx.HTTPError as error:
            raise TransientBackendError(
                f"Livy at {self._url} does not answer: {str(error) or type(error).__name__}.",
                "Check the address, and that the cluster runs.",
            ) from None
        if answer.status_code in _BUSY:
            raise TransientBackendError(
                f"Livy at {self._url} is busy ({answer.status_code}).", retry_after=seconds_asked(answer.headers)
            )
        return answer

    def _expect(self, answer: httpx.Response, *codes: int) -> None:
        if answer.status_code in codes:
            return
        if answer.status_code in {401, 403}:
            raise BackendError(
                f"Livy at {self._url} refuses this user ({answer.status_code}).",
                "Check the target's 'user' and 'password'.",
            )
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientBackendError(f"Livy at {self._url} failed ({answer.status_code}): {_said(answer)}")
        raise BackendError(
            f"Livy at {self._url} refuses the request ({answer.status_code}): {_said(answer)}",
            "Check the target's settings and the run configuration's 'spark' section.",
        )


def _said(answer: httpx.Response) -> str:
    """Return what a JSON answer, a bare text or a servlet container's error page says."""
    try:
        body = answer.json()
    except ValueError:
        body = " ".join(_TAGS.sub(" ", answer.text).split())
    text = body.get("msg", body) if isinstance(body, dict) else body
    return f"{text}"[:500]


def _trust(ca_file: str) -> Any:
    import ssl  # noqa: PLC0415  only for settings that name a file

    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BackendError(
            f"The file of certificate authorities {ca_file} cannot be read: {error.strerror or error}.",
            "Correct the target's 'ca_file'.",
        ) from None
