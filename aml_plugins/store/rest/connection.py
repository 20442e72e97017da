"""Requests to a server: connections are kept, what may be repeated is repeated, and every failure is a sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from aml_plugins._version import __version__
from aml_plugins.errors import AmlError, StoreError
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.store.rest.ahead import Ahead, Question
from aml_plugins.store.rest.credentials import Address
from aml_plugins.store.rest.failures import error_of, is_database_away, unreachable
from aml_plugins.store.rest.pool import Pool

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["API", "Answer", "Connection", "path_of"]

API = "/api/2.0/aml"

EVENT_STREAM = "text/event-stream"
_CONNECT_SECONDS, _READ_SECONDS, _FILE_SECONDS = 5.0, 60.0, 600.0
_STRANGER_PATIENCE, _PATIENCE = 1.0, 60.0
"""How long a server is asked again that never answered, and one that did: it may be starting anew."""
_BUSY = frozenset({502, 503, 504})
_BUSY_TRIES = 3
_FAILURE, _GONE = 400, 404
_PIECE = 1 << 20
_HEADERS = {
    "Accept": "application/x-python-json, application/json",
    "User-Agent": f"aml-plugins/{__version__}",
    "X-AML-Request": "1",
}


class Answer(NamedTuple):
    """A successful answer.

    :param value: its JSON; None where it has none.
    :param again: an earlier try was lost on its way, and may have done what this one was asked to do.
    """

    value: Any
    headers: Mapping[str, str]
    again: bool


def path_of(*segments: str) -> str:
    """Return the path of a thing of ours; each segment is quoted whole."""
    return "/".join((API, *(quote(segment, safe="") for segment in segments)))


class Connection:
    """A server. Safe to share between threads, and to inherit over ``fork``."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._pool = Pool(address.url)
        self._answered = False
        self._ahead: Ahead | None = None

    def __repr__(self) -> str:
        return f"Connection({self.address.url!r})"

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        gone_is_done: bool = False,
    ) -> Answer:
        """Ask for something.

        :param body: a JSON value.
        :param repeatable: asking twice does what asking once does.
        :param gone_is_done: where an earlier try was lost on its way, "not found" means that it did what was asked.
        :raises StoreError: where the server cannot be reached or fails; other errors as the server says.
        """
        sent = dict(headers or {})
        content = None
        if body is not None:
            content = json.dumps(body, separators=(",", ":"), default=_plain).encode()
            sent["Content-Type"] = "application/json"
        response, again = self._ask(
            method, path, query, content, sent, repeatable=repeatable, gone_is_done=gone_is_done
        )
        return Answer(self._value(response), response.headers, again)

    def ask_ahead(self, *questions: Question) -> None:
        """Ask in a thread what :meth:`call` will be asked for soon; whoever asks first has the answer.

        The first request that may write ends it: what was read before may be otherwise afterwards.
        """

        def ask(question: Question) -> BaseHTTPResponse:
            headers = {**_HEADERS, **self.address.headers(), **(question.headers or {})}
            return self._send("GET", self._url(question.path, question.query), None, headers, whole=True)

        named = {_name(self._url(asked.path, asked.query), asked.headers or {}): asked for asked in questions}
        self._ahead = Ahead(ask, named)

    def upload(self, method: str, path: str, file: IO[bytes], headers: Mapping[str, str]) -> Answer:
        """Send a file; sent again from its start where it was lost on its way."""
        sent = {"Content-Type": "application/octet-stream", **headers}
        response, again = self._ask(method, path, None, file, sent, repeatable=True)
        return Answer(self._value(response), response.headers, again)

    def download(self, path: str, query: Mapping[str, Any] | None, target: IO[bytes]) -> Mapping[str, str]:
        """Bring a file into ``target``, which is empty.

        :raises StoreError: also where the connection breaks on the way.
        """
        response, _ = self._ask("GET", path, query, None, {}, repeatable=True, whole=False)
        try:
            for piece in response.stream(_PIECE):
                target.write(piece)
        except HTTPError as error:
            raise unreachable(self.address.url, error) from error
        finally:
            response.release_conn()
        return response.headers

    def stream(self, path: str, query: Mapping[str, Any] | None = None) -> BaseHTTPResponse:
        """Open an answer that goes on; the caller closes it."""
        return self._ask("GET", path, query, None, {"Accept": EVENT_STREAM}, repeatable=True, whole=False)[0]

    def close(self) -> None:
        """Close what is open; the next request opens anew."""
        self._pool.close()

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        content: bytes | IO[bytes] | None,
        headers: dict[str, str],
        *,
        repeatable: bool,
        whole: bool = True,
        gone_is_done: bool = False,
    ) -> tuple[BaseHTTPResponse, bool]:
        url = self._url(path, query)
        sent = {**_HEADERS, **self.address.headers(), **headers}
        pause, begun, busy, lost = Pause(shortest=0.05, longest=2.0, growth=2.0), time.monotonic(), 0, False
        while True:
            try:
                foreseen = self._foreseen(method, url, headers)
                response = foreseen or self._send(method, url, content, sent, whole=whole)
            except HTTPError as error:
                not_sent = isinstance(_cause(error), (NewConnectionError, ConnectTimeoutError))
                lost = lost or not not_sent
                if not (not_sent or repeatable) or not _may_pass(error) or self._is_late(begun):
                    raise unreachable(self.address.url, _cause(error)) from error
            else:
                self._answered = self._answered or response.status not in _BUSY
                if response.status < _FAILURE or (response.status == _GONE and gone_is_done and lost):
                    return response, lost
                busy += 1
                if response.status not in _BUSY or not repeatable or self._has_waited(response, busy, begun):
                    raise self._error(response)
            time.sleep(pause.seconds())

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        return f"{self.address.url}{path}{_query(query)}"

    def _foreseen(self, method: str, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse | None:
        ahead = self._ahead
        if method != "GET":
            self._ahead = None
        return ahead.take(_name(url, headers)) if ahead is not None and method == "GET" else None

    def _send(
        self, method: str, url: str, content: bytes | IO[bytes] | None, headers: dict[str, str], *, whole: bool
    ) -> BaseHTTPResponse:
        if content is not None and not isinstance(content, bytes):
            content.seek(0)
        is_file = hasattr(content, "read") or not (whole or headers["Accept"] == EVENT_STREAM)
        seconds = _FILE_SECONDS if is_file else _READ_SECONDS
        return self._pool.opened().request(
            method,
            url,
            body=content,
            headers=headers,
            preload_content=whole,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds),
        )

    def _value(self, response: BaseHTTPResponse) -> Any:
        data = response.data
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise StoreError(
                f"{self.address.url} did not answer as our server does.", "Check the address, and proxies on the way."
            ) from None

    def _error(self, response: BaseHTTPResponse) -> AmlError:
        body = response.data
        response.release_conn()
        return error_of(response.status, body, self.address)

    def _has_waited(self, response: BaseHTTPResponse, busy: int, begun: float) -> bool:
        """A server whose database is away is waited for like a server that is away, a busy one for some tries."""
        if busy < _BUSY_TRIES:
            return False
        return self._is_late(begun) or not is_database_away(response.data)

    def _is_late(self, begun: float) -> bool:
        return time.monotonic() - begun > (_PATIENCE if self._answered else _STRANGER_PATIENCE)


def _cause(error: HTTPError) -> Exception:
    """Return what is inside of urllib3's own wrapping."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, Exception) else error


def _may_pass(error: HTTPError) -> bool:
    return not isinstance(_cause(error), (urllib3.exceptions.SSLError, urllib3.exceptions.LocationValueError))


def _name(url: str, headers: Mapping[str, str]) -> str:
    """Return by what a question is known again: the headers say in whose name, or in which workspace."""
    return f"{url} {sorted(headers.items())}"


def _query(query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"?{urlencode(given, doseq=True, errors='replace')}" if given else ""


def _plain(value: Any) -> Any:
    """Turn the mappings and sequences that ``json`` does not know into those that it does."""
    return dict(value) if isinstance(value, Mapping) else list(value)
