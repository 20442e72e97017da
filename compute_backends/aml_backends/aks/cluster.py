"""The part of Kubernetes' API that this backend uses, as plain JSON values; errors in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

__all__ = ["Cluster", "RefusedError"]

PAGE = 500
Body = Mapping[str, Any]
_KINDS = {
    "config_map": "CoreV1Api", "deployment": "AppsV1Api", "event": "CoreV1Api",
    "horizontal_pod_autoscaler": "AutoscalingV2Api", "ingress": "NetworkingV1Api", "job": "BatchV1Api",
    "pod": "CoreV1Api", "pod_disruption_budget": "PolicyV1Api", "secret": "CoreV1Api", "service": "CoreV1Api",
}  # fmt: skip
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APPLY = {"field_manager": "aml-plugins", "force": True, "_content_type": "application/apply-patch+yaml"}
_BUSY = frozenset({
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
})  # fmt: skip


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
        """Create an object (``job``, ``pod``, ``secret``, ``service``); False where there is one of its name."""
        return self.created(kind, body) is not None

    def created(self, kind: str, body: Body) -> dict[str, Any] | None:
        """Create an object and return it as it is stored; None where there is one of its name."""
        try:
            found: dict[str, Any] = json.loads(self._ask("create", kind, self._namespace, body))
        except RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return None
        return found

    def apply(self, body: Body) -> None:
        """Create an object, or have it be as ``body`` says; what others wrote into other fields stays."""
        kind = _CAPITAL.sub("_", str(body["kind"])).lower()
        self._ask("patch", kind, body["metadata"]["name"], self._namespace, body, **_APPLY)

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None where there is none."""
        try:
            found: dict[str, Any] = json.loads(self._ask("read", kind, name, self._namespace))
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found

    def list(self, kind: str, labels: str) -> Iterator[dict[str, Any]]:
        """Return the objects that have these labels."""
        options: dict[str, Any] = {"label_selector": labels, "limit": PAGE}
        while True:
            page = json.loads(self._ask("list", kind, self._namespace, **options))
            yield from page.get("items") or ()
            options["_continue"] = page["metadata"].get("continue")
            if not options["_continue"]:
                return

    def patch(self, kind: str, name: str, changes: Body) -> bool:
        """Change an object; False where there is none."""
        return self._if_there("patch", kind, name, self._namespace, changes)

    def delete(self, kind: str, name: str, policy: str = "") -> bool:
        """Ask for an object's end and that of all it owns; False where there is none.

        :param policy: ``Foreground``, as jobs by default: it is there until all it owns is gone; or ``Background``.
        """
        policy = policy or ("Foreground" if kind == "job" else "Background")
        return self._if_there("delete", kind, name, self._namespace, propagation_policy=policy)

    def log(self, pod: str, seconds: int | None) -> Iterator[bytes]:
        """Yield the lines that a pod printed, each behind its time; read no further than is asked for.

        A pod that is gone has none.

        :param seconds: how far to look back; None for everything.
        """
        options = {"since_seconds": seconds} if seconds is not None else {}
        try:
            answer = self._open(
                "CoreV1Api", "read_namespaced_pod_log", pod, self._namespace, timestamps=True, **options
            )
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return
        try:
            yield from answer
        finally:
            answer.close()

    def tail(self, pod: str, lines: int) -> str:
        """Return the last lines that a pod printed, of its last container that ran; empty where there are none."""
        try:
            data = self._call("CoreV1Api", "read_namespaced_pod_log", pod, self._namespace, tail_lines=lines)
        except RefusedError as error:
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:  # no container of it started yet
                return ""
            raise
        return data.decode("utf-8", "replace").rstrip()

    def ask_pod(self, pod: str, port: int, path: str, *, scheme: str = "http") -> bytes:
        """Send a pod a GET request, through the cluster's API server."""
        name = f"{scheme}:{pod}:{port}"
        return self._call("CoreV1Api", "connect_get_namespaced_pod_proxy_with_path", name, self._namespace, path)

    def complaints(self, kind: str, reason: str) -> dict[str, str]:
        """Return the last event of this reason about each object of a kind, by its name: one page, the oldest first."""
        wanted = f"involvedObject.kind={kind},reason={reason}"
        page = json.loads(self._ask("list", "event", self._namespace, field_selector=wanted, limit=PAGE))
        return {str(event["involvedObject"]["name"]): str(event.get("message") or "") for event in page["items"] or ()}

    def has_namespace(self) -> bool:
        """Say whether the namespace is there. Who may not ask is believed."""
        try:
            self._call("CoreV1Api", "read_namespace", self._namespace)
        except RefusedError as error:
            return error.status != HTTPStatus.NOT_FOUND
        return True

    def version(self) -> str:
        """Return the cluster's version."""
        return str(json.loads(self._call("VersionApi", "get_code"))["gitVersion"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # not annotated there

    def _if_there(self, verb: str, kind: str, *arguments: Any, **options: Any) -> bool:
        try:
            self._ask(verb, kind, *arguments, **options)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def _ask(self, verb: str, kind: str, *arguments: Any, **options: Any) -> bytes:
        return self._call(_KINDS[kind], f"{verb}_namespaced_{kind}", *arguments, **options)

    def _call(self, api: str, method: str, *arguments: Any, **options: Any) -> bytes:
        data: bytes = self._open(api, method, *arguments, **options).data
        return data

    def _open(self, api: str, method: str, *arguments: Any, **options: Any) -> Any:
        import kubernetes.client
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  it comes with kubernetes

        call = getattr(getattr(kubernetes.client, api)(self._client), method)
        try:
            return call(*arguments, _preload_content=False, _request_timeout=self._timeout, **options)
        except ApiException as error:
            raise _in_words(error, method) from None
        except (HTTPError, OSError) as error:
            raise TransientBackendError(
                f"The cluster does not answer: {_reason(error)}.",
                "Check the target's kubeconfig, and that the cluster runs.",
            ) from None


def _in_words(error: Any, method: str) -> BackendError:
    said = _message(error.body) or str(error.reason)
    if error.status in _BUSY:
        return TransientBackendError(
            f"The cluster is busy ({error.status}): {said}", retry_after=seconds_asked(error.headers)
        )
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return RefusedError(
            f"The cluster refuses '{method}': {said}",
            "Give the user of the target's kubeconfig that right; the docs list all that runs and services need.",
            status=error.status,
        )
    return RefusedError(f"The cluster refuses '{method}' ({error.status}): {said}", status=error.status)


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
