"""One registry over HTTP: authentication, retries, blobs and manifests (the OCI distribution protocol)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import urllib3

from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.images.layout import INDEX_TYPE, MANIFEST_TYPE, Blob, Layout
from aml_plugins.images.registry.patience import again
from aml_plugins.retry_after import seconds_asked

__all__ = ["MANIFEST_TYPES", "Credentials", "RegistryClient"]

Credentials = tuple[str, str]
T = TypeVar("T")
MANIFEST_TYPES = (
    f"{MANIFEST_TYPE}, {INDEX_TYPE}, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_CREATED, _ACCEPTED, _UNAUTHORIZED, _NOT_FOUND = 201, 202, 401, 404
_LARGEST_MANIFEST = 8 << 20
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryClient:
    """Speaks to one registry.

    :param address: ``HOST`` or ``HOST:PORT``; ``http://`` in front for one without TLS.
    :param credentials: returns user and password when they are asked for, or None.
    :param ca_file: certificates to trust besides the system's.
    """

    def __init__(
        self, address: str, credentials: Callable[[], Credentials | None], *, ca_file: str | None = None
    ) -> None:
        scheme, _, rest = address.rpartition("://")
        self.host = rest.rstrip("/")
        self._base = f"{scheme or _scheme_of(self.host)}://{self.host}"
        self._credentials = credentials
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT, ca_certs=ca_file)
        self._authorization: dict[str, str] = {}

    def ping(self) -> None:
        """Make sure that the registry is one, and lets this user in.

        :raises BackendError: otherwise; :class:`TransientBackendError` where it cannot be reached.
        """
        self._ask("GET", "/v2/", "")

    def has_blob(self, repository: str, digest: str) -> bool:
        """Say whether a blob is there."""
        answer = self._ask("HEAD", f"/v2/{repository}/blobs/{digest}", repository, accepted={200, _NOT_FOUND})
        return bool(answer.status != _NOT_FOUND)

    def push_blob(self, repository: str, layout: Layout, blob: Blob) -> None:
        """Send a blob, from its start each time: what was cut off counts for nothing."""
        self.again(lambda: self._upload(repository, layout, blob))

    def again(self, work: Callable[[], T]) -> T:
        """Do something, once more where the registry was away or busy; at most five times.

        :raises TransientBackendError: what the last attempt met.
        """
        return again(work)

    def push_manifest(self, repository: str, tag: str, content: bytes, media_type: str) -> str:
        """Store a manifest under a tag; return the digest that the registry gave it."""
        answer = self._ask(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            repository,
            body=content,
            headers={"Content-Type": media_type},
            accepted={_CREATED, 200, _ACCEPTED},
        )
        return str(answer.headers.get("Docker-Content-Digest", ""))

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """Return a manifest's content and media type."""
        answer = self._ask(
            "GET", f"/v2/{repository}/manifests/{reference}", repository, headers={"Accept": MANIFEST_TYPES}
        )
        content = answer.data
        if len(content) > _LARGEST_MANIFEST:
            raise BackendError(f"The registry {self.host} sent a manifest of {len(content)} bytes.")
        return content, str(answer.headers.get("Content-Type", MANIFEST_TYPE)).partition(";")[0]

    def pull_blob(self, repository: str, digest: str, write: Callable[[bytes], object]) -> None:
        """Read a blob in pieces."""
        answer = self._ask("GET", f"/v2/{repository}/blobs/{digest}", repository, stream=True)
        try:
            for piece in answer.stream(1 << 20):
                write(piece)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            answer.release_conn()

    def _upload(self, repository: str, layout: Layout, blob: Blob) -> None:
        begun = self._ask("POST", f"/v2/{repository}/blobs/uploads/", repository, accepted={_ACCEPTED})
        place = urljoin(f"{self._base}/", str(begun.headers.get("Location", "")))
        if urlsplit(place).hostname != urlsplit(self._base).hostname:
            raise BackendError(f"The registry {self.host} sends uploads to another host.", "Ask who runs it.")
        separator = "&" if "?" in place else "?"
        with layout.path(blob.digest).open("rb") as file:
            self._once(
                "PUT",
                f"{place}{separator}digest={quote(blob.digest)}",
                repository,
                body=file,
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)},
                accepted={_CREATED, 204},
            )

    def _ask(self, method: str, path: str, repository: str, **options: Any) -> Any:
        """Send a small request, again where that may help."""
        return self.again(lambda: self._once(method, f"{self._base}{path}", repository, **options))

    def _once(
        self,
        method: str,
        url: str,
        repository: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accepted: frozenset[int] | set[int] = frozenset({200}),
        stream: bool = False,
    ) -> Any:
        for is_second in (False, True):
            given = {**(headers or {}), **self._authorized(repository)}
            try:
                answer = self._pool.request(
                    method, url, body=body, headers=given, preload_content=not stream, redirect=method == "GET"
                )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._unreachable(error) from error
            if answer.status in accepted:
                return answer
            if answer.status != _UNAUTHORIZED or is_second or not self._authorize(answer, repository):
                raise self._refusal(answer, repository)
            if body is not None and hasattr(body, "seek"):
                body.seek(0)
        raise AssertionError("unreachable")

    def _authorized(self, repository: str) -> dict[str, str]:
        known = self._authorization.get(repository)
        return {"Authorization": known} if known else {}

    def _authorize(self, answer: Any, repository: str) -> bool:
        """Find what the registry wants: a password, or a token that somebody else gives for one."""
        challenge = str(answer.headers.get("WWW-Authenticate", ""))
        if self._authorization.pop(repository, None) is not None and not challenge.lower().startswith("bearer"):
            return False
        given = self._credentials()
        if challenge.lower().startswith("bearer"):
            self._authorization[repository] = f"Bearer {self._token(challenge, repository, given)}"
            return True
        if given is None:
            return False
        self._authorization[repository] = basic(given)
        return True

    def _token(self, challenge: str, repository: str, given: Credentials | None) -> str:
        parameters = dict(_PARAMETER.findall(challenge))
        realm = parameters.get("realm", "")
        if urlsplit(realm).scheme not in {"http", "https"}:
            raise BackendError(f"The registry {self.host} asks for a token without saying where to get one.")
        if given is not None and self._base.startswith("https") and not realm.startswith("https"):
            raise BackendError(f"The registry {self.host} wants its password sent without TLS, to {realm}.")
        fields = {"scope": f"repository:{repository}:pull,push"} if repository else {}
        if "service" in parameters:
            fields["service"] = parameters["service"]
        headers = {"Authorization": basic(given)} if given else {}
        try:
            answer = self._pool.request("GET", realm, fields=fields, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status != 200:  # noqa: PLR2004  as HTTP has it
            raise self._refusal(answer, repository)
        told = json.loads(answer.data)
        return str(told.get("token") or told.get("access_token"))

    def _refusal(self, answer: Any, repository: str) -> BackendError:
        reason = _reason(b"" if answer.data is None else answer.data)
        about = f" for '{repository}'" if repository else ""
        what = f"The registry {self.host} refused with {answer.status}{about}{reason}."
        if answer.status in _AGAIN:
            return TransientBackendError(what, "Try again later.", retry_after=seconds_asked(answer.headers))
        if answer.status in {_UNAUTHORIZED, 403}:
            return BackendError(what, "Check the user, the password's reference, and what they may do there.")
        return BackendError(what, "Check the registry's address and the repository's name.")

    def _unreachable(self, error: Exception) -> TransientBackendError:
        return TransientBackendError(
            f"The registry {self.host} cannot be reached: {type(error).__name__}.", "Check its address and the network."
        )


def basic(given: Credentials) -> str:
    """Return the header of a user and a password."""
    return f"Basic {base64.b64encode(':'.join(given).encode()).decode()}"


def _scheme_of(host: str) -> str:
    """Return http for this machine's own addresses, as Docker does, https for all others."""
    name = host.rpartition(":")[0] or host
    return "http" if name == "localhost" or name.startswith("127.") or name == "[::1]" else "https"


def _reason(content: bytes) -> str:
    try:
        errors = json.loads(content)["errors"]
        return f": {errors[0].get('code', '')} {str(errors[0].get('message', ''))[:200]}".rstrip(" .")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""
