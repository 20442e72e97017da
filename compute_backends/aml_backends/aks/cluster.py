"""The part of Kubernetes' API that this backend uses, as plain JSON values; errors in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import BackendError, TransientBackendError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

__all__ = ["Cluster", "RefusedError"]

PAGE = 500
Body = Mapping[str, Any]
_KINDS = {
    "jobs": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "pods": "/api/v1/namespaces/{namespace}/pods",
    "secrets": "/api/v1/namespaces/{namespace}/secrets",
    "services": "/api/v1/namespaces/{namespace}/services",
}
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE,
                   HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR})  # fmt: skip
_MERGE = "application/merge-patch+json"


class RefusedError(BackendError):
    """Kubernetes said no.

    :param status: the HTTP status code.
    """

    def __init__(self, what: str, fix: str = "", *, status: int = 0) -> None:
        super().__init__(what, fix)
        self.status = status


class Cluster:
    """One namespace of a cluster. Each method is one request, lists one a page; none sleeps.

    :param client: knows where the cluster is, and who asks.
    :param timeout: patience with one request, in seconds.
    """

    def __init__(self, client: ApiClient, namespace: str, timeout: float = 30.0) -> None:
        self._client = client
        self._namespace = namespace
        self._timeout = timeout

    def create(self, kind: str, body: Body) -> bool:
        """Create an object; False where there is one of its name."""
        try:
            self._ask("POST", self._path(kind), body=body)
        except RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return False
        return True

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None where there is none."""
        try:
            return self._json("GET", self._path(kind, name))
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def list(self, kind: str, labels: str) -> Iterator[dict[str, Any]]:
        """Return the objects that have these labels."""
        query = {"labelSelector": labels, "limit": PAGE}
        while True:
            page = self._json("GET", self._path(kind), query)
            yield from page.get("items") or ()
            more = page["metadata"].get("continue")
            if not more:
                return
            query["continue"] = more

    def patch(self, kind: str, name: str, changes: Body) -> bool:
        """Change an object; False where there is none."""
        try:
            self._ask("PATCH", self._path(kind, name), body=changes, content_type=_MERGE)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def delete(self, kind: str, name: str) -> bool:
        """Ask for an object's end and that of all it owns; False where there is none."""
        query = {"propagationPolicy": "Foreground" if kind == "jobs" else "Background"}
        try:
            self._ask("DELETE", self._path(kind, name), query)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def log(self, pod: str, since: str | None) -> bytes:
        """Return what a pod printed, each line behind its time.

        :param since: the second from which on, RFC 3339.
        """
        query: dict[str, Any] = {"timestamps": "true", "limitBytes": 4 << 20}
        if since:
            query["sinceTime"] = since
        data: bytes = self._ask("GET", f"{self._path('pods', pod)}/log", query).data
        return data

    def version(self) -> str:
        """Return the cluster's version."""
        return str(self._json("GET", "/version").get("gitVersion"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _path(self, kind: str, name: str = "") -> str:
        return f"{_KINDS[kind].format(namespace=self._namespace)}/{name}".rstrip("/")

    def _json(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._ask(method, path, query).data)
        return value

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
    ) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  likewise

        try:
            return self._client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._timeout,
            )
        except ApiException as error:
            raise _in_words(error, method, path) from None
        except (HTTPError, OSError) as error:
            raise TransientBackendError(
                f"The cluster does not answer: {_reason(error)}.",
                "Check the target's kubeconfig, and that the cluster runs.",
            ) from None


def _in_words(error: Any, method: str, path: str) -> BackendError:
    said = _message(error.body) or str(error.reason)
    if error.status in _BUSY:
        after = (error.headers or {}).get("Retry-After", "")
        return TransientBackendError(
            f"The cluster is busy ({error.status}): {said}", retry_after=float(after) if after.isdigit() else None
        )
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return RefusedError(
            f"The cluster refuses {method} {path}: {said}",
            "Give the user of the target's kubeconfig rights on jobs, pods, pods/log, secrets and services.",
            status=error.status,
        )
    return RefusedError(f"The cluster refuses the request ({error.status}): {said}", status=error.status)


def _message(body: object) -> str:
    try:
        value = json.loads(body) if isinstance(body, (str, bytes)) else {}
    except ValueError:
        return ""
    return str(value.get("message") or "")[:500] if isinstance(value, dict) else ""


def _reason(error: Exception) -> str:
    """Return the innermost reason: urllib3 wraps it in its pool's address and the number of its tries."""
    inner = getattr(error, "reason", None)
    return f"{inner if inner is not None else error}".partition("\n")[0][:300].rstrip(".")
