"""IoT Hub's service API: who asks, for what.

Source: learn.microsoft.com/rest/api/iothub/service, version 2021-04-12; the specification beside the others is derived
from Microsoft's client (tools/iot_hub_specification.py).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.iot_hub.devices import AGENT, HUB, EdgeDevice
from aml_plugins.testing.azure_emulator.iot_hub.errors import HubProblem
from aml_plugins.testing.azure_emulator.iot_hub.hub import Hub
from aml_plugins.testing.azure_emulator.iot_hub.signatures import is_signed
from aml_plugins.testing.azure_emulator.iot_hub.twins import Twin
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.azure_emulator.tokens import is_token
from aml_plugins.testing.swagger import Specification

__all__ = ["IotHubService"]

_AUDIENCE = "https://iothubs.azure.net"
_PATH = re.compile(r"/(devices|twins|configurations)(/|$)")
_LARGEST_PAGE = 1000
_UNABLE = {429: "ThrottlingException", 503: "ServiceUnavailable", 500: "ServerError"}


class IotHubService:
    """Answers requests for one hub."""

    def __init__(self, settings: Settings, engine: Engine, specification: Specification) -> None:
        self._settings = settings
        self._engine = engine
        self._specification = specification
        self.hub = Hub(settings, engine)
        self._calls: dict[str, Callable[[Request], Answer]] = {
            "Configuration_GetConfigurations": self._list,
            "Configuration_Get": self._get,
            "Configuration_CreateOrUpdate": self._put,
            "Configuration_Delete": self._delete,
            "Configuration_ApplyOnEdgeDevice": self._apply,
            "Devices_GetIdentity": lambda request: Answer(200, _identity(self.hub.device(request["id"]))),
            "Devices_CreateOrUpdateIdentity": self._add,
            "Devices_DeleteIdentity": self._remove,
            "Modules_GetModulesOnDevice": self._modules,
            "Devices_GetTwin": lambda request: Answer(200, _shown(self.hub.device(request["id"]), None)),
            "Devices_UpdateTwin": self._update,
            "Modules_GetTwin": lambda request: Answer(200, _shown(self.hub.device(request["id"]), request["mid"])),
            "Modules_UpdateTwin": self._update,
            "Modules_InvokeMethod": self._call,
            "Query_GetTwins": self._query,
        }

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to the hub."""
        return _PATH.match(path) is not None

    def answer(self, request: Request) -> Answer:
        """Answer a request; never raises for what a client did."""
        try:
            self._authenticate(request)
            with self._engine.lock:
                return _rendered(self._answered(request))
        except HubProblem as problem:
            return _rendered(problem.answer())

    def refusal(self, status: int, headers: Mapping[str, str]) -> Answer:
        """Return an answer that says that the service cannot answer."""
        answer = HubProblem(status, _UNABLE[status], "Please try again later.").answer()
        return _rendered(replace(answer, headers={**answer.headers, **headers}))

    def close(self) -> None:
        """End what devices run."""
        with self._engine.lock:
            self.hub.close()

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not self._settings.check_credentials or is_token(given.removeprefix("Bearer "), _AUDIENCE):
            return
        if not is_signed(given, request.headers.get("host", ""), self._settings.key, time.time()):
            raise HubProblem(401, "IotHubUnauthorizedAccess", "Unauthorized")

    def _answered(self, request: Request) -> Answer:
        operation = self._specification.operation(request.verb, request.raw_path)
        if operation is None:
            raise HubProblem(404, "NotFound", "There is no such operation.")
        match = operation.pattern.match(request.raw_path)
        named = replace(request, parameters={k: unquote(v) for k, v in (match.groupdict() if match else {}).items()})
        if wrong := self._specification.check_request(request.verb, request.url, request.body):
            raise HubProblem(400, "ArgumentInvalid", wrong[0])
        return self._calls[operation.operation_id](named)

    def _list(self, request: Request) -> Answer:
        top = int(request.query.get("top") or 20)
        return Answer(200, [self.hub.shown(one) for one in list(self.hub.configurations.values())[:top]])

    def _get(self, request: Request) -> Answer:
        found = self.hub.configuration(request["id"])
        return Answer(200, self.hub.shown(found), {"ETag": f'"{found.etag}"'})

    def _put(self, request: Request) -> Answer:
        made, is_new = self.hub.put_configuration(request["id"], request.body, request.headers.get("if-match"))
        return Answer(201 if is_new else 200, self.hub.shown(made), {"ETag": f'"{made.etag}"'})

    def _delete(self, request: Request) -> Answer:
        self.hub.remove_configuration(request["id"])
        return Answer(204)

    def _apply(self, request: Request) -> Answer:
        self.hub.apply(request["id"], request.body)
        return Answer(204)

    def _add(self, request: Request) -> Answer:
        if not (request.body.get("capabilities") or {}).get("iotEdge"):
            raise HubProblem(501, "NotSupportedByEmulator", "The emulator has IoT Edge devices only.")
        return Answer(200, _identity(self.hub.add_device(request["id"])))

    def _remove(self, request: Request) -> Answer:
        self.hub.remove_device(request["id"])
        return Answer(204)

    def _modules(self, request: Request) -> Answer:
        device = self.hub.device(request["id"])
        facts = {"deviceId": device.name, "connectionState": device.facts()["connectionState"]}
        return Answer(200, [{"moduleId": name, "etag": twin.etag, **facts} for name, twin in device.modules.items()])

    def _update(self, request: Request) -> Answer:
        device, module = self.hub.device(request["id"]), request.parameters.get("mid")
        if module in {AGENT, HUB}:
            raise HubProblem(401, "SystemModuleModifyUnauthorizedAccess", "Unauthorized to modify reserved module.")
        twin = _twin(device, module)
        if request.headers.get("if-match", "*").strip('"') not in {"*", twin.etag}:
            raise HubProblem(412, "PreconditionFailed", "The etag does not match.")
        twin.patch(request.body)
        self.hub.evaluate()
        return Answer(200, _shown(device, module))

    def _call(self, request: Request) -> Answer:
        device = self.hub.device(request["deviceId"])
        if request["moduleId"] != AGENT or not device.is_connected:
            said = {"errorCode": 404103, "message": "Timed out waiting for device to connect."}
            raise HubProblem(404, "DeviceNotOnline", json.dumps(said))
        status, payload = device.call(str(request.body.get("methodName")), request.body.get("payload"))
        return Answer(200, {"status": status, "payload": payload})

    def _query(self, request: Request) -> Answer:
        found = self.hub.query(str(request.body.get("query") or ""))
        start = int(request.headers.get("x-ms-continuation") or 0)
        size = min(int(request.headers.get("x-ms-max-item-count") or 100), _LARGEST_PAGE)
        more = {"x-ms-continuation": str(start + size)} if start + size < len(found) else {}
        return Answer(200, found[start : start + size], {"x-ms-item-type": "Raw", **more})


def _twin(device: EdgeDevice, module: str | None) -> Twin:
    if module is None:
        return device.twin
    if module not in device.modules:
        raise HubProblem(404, "ModuleNotFound", f"E2E ModuleNotFound deviceId={device.name} moduleId={module}")
    return device.modules[module]


def _shown(device: EdgeDevice, module: str | None) -> dict[str, Any]:
    device.report()
    return _twin(device, module).shown(device.facts())


def _identity(device: EdgeDevice) -> dict[str, Any]:
    facts = device.facts()
    authentication = {"type": facts.pop("authenticationType")}
    return {"deviceId": device.name, "etag": device.twin.etag, "authentication": authentication, **facts}


def _rendered(answer: Answer) -> Answer:
    if answer.body is None:
        return answer
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    return replace(answer, body=json.dumps(answer.body).encode(), headers=headers)
