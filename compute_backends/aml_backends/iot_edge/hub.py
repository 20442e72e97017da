"""The protocol over HTTP, by Azure's own pipeline.

Microsoft's client ``azure-iot-hub`` is not used: it brings the retired AMQP library ``uamqp`` for what is never called
here. Source of paths and bodies: learn.microsoft.com/rest/api/iothub/service, version 2021-04-12.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from azure.core import PipelineClient  # noqa: TID253  a leaf: imported when a hub is first asked
from azure.core.pipeline.policies import (  # noqa: TID253  as above
    BearerTokenCredentialPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import RequestsTransport  # noqa: TID253  as above
from azure.core.rest import HttpRequest, HttpResponse  # noqa: TID253  as above

from aml_backends.azure.resources import BUSY, client_options, first_line, in_words
from aml_backends.iot_edge.api import Body, RefusedError
from aml_backends.iot_edge.config import IotEdgeConfig
from aml_backends.iot_edge.signatures import SignaturePolicy
from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

__all__ = ["HttpHubApi"]

_VERSION = "2021-04-12"
_SCOPE = "https://iothubs.azure.net/.default"
_PAGE = "1000"
_METHOD_SECONDS = 30
_FIXES = {
    "IotHubUnauthorizedAccess": "Check policy and key, or give the identity the role IoT Hub Data Contributor.",
    "DeviceNotFound": "Register it: az iot hub device-identity create --edge-enabled",
}


class HttpHubApi:
    """One hub.

    :param key: of the shared access policy; None for the identity of this process.
    """

    def __init__(self, config: IotEdgeConfig, key: str | None) -> None:
        self._config = config
        policies = [UserAgentPolicy("aml-plugins"), _credentials(config, key)]
        transport = RequestsTransport(connection_timeout=10, read_timeout=60)
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            f"https://{config.hub}", policies=policies, transport=transport
        )

    def module_twin(self, device: str, module: str) -> Body | None:
        path = f"/twins/{quote(device, safe='')}/modules/{quote(module, safe='')}"
        return self._get(path, f"show the twin of '{device}'", {"ModuleNotFound", "DeviceNotFound"})

    def apply(self, device: str, modules: Body) -> None:
        path = f"/devices/{quote(device, safe='')}/applyConfigurationContent"
        self._send(f"set the modules of '{device}'", "POST", path, {"modulesContent": modules})

    def get_configuration(self, name: str) -> Body | None:
        return self._get(f"/configurations/{name}", f"show the deployment '{name}'", {"ConfigurationNotFound"})

    def put_configuration(self, name: str, body: Body) -> bool:
        try:
            self._send(f"create the deployment '{name}'", "PUT", f"/configurations/{name}", body)
        except RefusedError as error:
            if error.reason == "ConfigurationAlreadyExists":
                return False
            raise
        return True

    def delete_configuration(self, name: str) -> None:
        try:
            self._send(
                f"delete the deployment '{name}'", "DELETE", f"/configurations/{name}", headers={"If-Match": "*"}
            )
        except RefusedError as error:
            if error.reason != "ConfigurationNotFound":
                raise

    def query(self, text: str) -> Sequence[Body]:
        found: list[Body] = []
        more: str | None = ""
        while more is not None:
            headers = {"x-ms-max-item-count": _PAGE, **({"x-ms-continuation": more} if more else {})}
            page = self._send("look at its devices", "POST", "/devices/query", {"query": text}, headers)
            found += page.json()
            more = page.headers.get("x-ms-continuation") or None
        return found

    def call(self, device: str, module: str, method: str, payload: Any) -> Any:
        path = f"/twins/{quote(device, safe='')}/modules/{quote(module, safe='')}/methods"
        body = {
            "methodName": method,
            "payload": payload,
            "responseTimeoutInSeconds": _METHOD_SECONDS,
            "connectTimeoutInSeconds": 0,
        }
        try:
            answer = self._send(f"call {method} of '{device}'", "POST", path, body).json()
        except RefusedError as error:
            if error.reason in {"DeviceNotOnline", "ModuleNotFound", "DeviceNotFound"}:
                return None
            raise
        return answer.get("payload") if answer.get("status", 500) < 300 else None  # noqa: PLR2004  HTTP's numbers

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str, what: str, missing: Collection[str]) -> Body | None:
        try:
            found: Body = self._send(what, "GET", path).json()
        except RefusedError as error:
            if error.reason in missing:
                return None
            raise
        return found

    def _send(
        self, what: str, verb: str, path: str, body: Body | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        url = f"https://{self._config.hub}{path}"
        request = HttpRequest(verb, url, params={"api-version": _VERSION}, headers=dict(headers or {}), json=body)
        with in_words(f"the hub '{self._config.hub}'"):
            answer = self._client.send_request(request)
        if answer.status_code < 300:  # noqa: PLR2004  HTTP's number
            return answer
        raise _refused(self._config.hub, what, answer)


def _credentials(config: IotEdgeConfig, key: str | None) -> Any:
    if key is not None:
        return SignaturePolicy(config.hub, config.policy, key)
    options = client_options(f"https://{config.hub}", config.authority)
    return BearerTokenCredentialPolicy(options["credential"], _SCOPE)


def _refused(hub: str, what: str, answer: HttpResponse) -> BackendError:
    said, code = _said(answer)
    if answer.status_code in BUSY:
        return TransientBackendError(
            f"The hub '{hub}' cannot {what} now: {said}.", retry_after=seconds_asked(answer.headers)
        )
    return RefusedError(f"The hub '{hub}' refused to {what}: {said} ({code}).", _FIXES.get(code, ""), reason=code)


def _said(answer: HttpResponse) -> tuple[str, str]:
    """Return the hub's words and its code, which its text has before them."""
    try:
        text = str(json.loads(answer.text()).get("Message") or "")
    except (ValueError, AttributeError):
        text = ""
    code, _, words = text.removeprefix("ErrorCode:").partition(";")
    known = answer.headers.get("iothub-errorcode") or (code if words else f"HTTP {answer.status_code}")
    return first_line(words or text) or "no reason given", known
