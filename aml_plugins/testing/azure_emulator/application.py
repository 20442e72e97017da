"""All services behind one address: finds the one that a request is for, lets faults happen, keeps a record."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from aml_plugins.testing.azure_emulator.arm.service import ArmService
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.service import BatchService
from aml_plugins.testing.azure_emulator.control import Control
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.faults import Fault, Faults, wait
from aml_plugins.testing.azure_emulator.iot_hub.service import IotHubService
from aml_plugins.testing.azure_emulator.login import Login
from aml_plugins.testing.azure_emulator.reason_phrases import DROPPED, HEADER
from aml_plugins.testing.azure_emulator.registry.files import BuildFiles
from aml_plugins.testing.azure_emulator.registry.service import RegistryService
from aml_plugins.testing.swagger import Specification

__all__ = ["Application", "Record"]

logger = logging.getLogger(__name__)

_LARGEST = 64 << 20
# What the real services answer beyond their own specifications, and so does the emulator.
_DEVIATIONS = (
    "'isCustomProvisioningTimeout', 'provisioningTimeoutInSeconds'",
    # Batch's file says that an account of a pool tells its password; nobody is ever told one.
    "'password' is a required property",
    # Container Instances' file says the same of the key of a workspace.
    "'workspaceKey' is a required property",
    # HDInsight's file leaves out the envelope of errors, which the resource manager puts around everybody's.
    "body: 'error' is not in the specification",
)


@dataclass
class Record:
    """What was asked, and what of it the specifications do not allow.

    :param calls: verb and path of each request, in order.
    :param violations: one line each.
    """

    calls: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Application:
    """The ASGI application."""

    def __init__(
        self,
        batch: BatchService,
        arm: ArmService,
        login: Login,
        faults: Faults,
        strict: Specification | None,
        *,
        registry: RegistryService,
        iot_hub: IotHubService,
        builds: BuildFiles,
    ) -> None:
        self.batch = batch
        self.arm = arm
        self.registry = registry
        self.iot_hub = iot_hub
        self.builds = builds
        self.login = login
        self.faults = faults
        self.record = Record()
        self._strict = strict
        self._control = Control(batch.account, faults, self.record)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self.registry.is_content(scope["path"]):
            await self._content(scope, receive, send)
            return
        try:
            request = await _read(scope, receive)
        except ClientDisconnect:
            return
        answer = await run_in_threadpool(self._safely_answered, request)
        await _send(answer, request, send)

    async def _content(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is too big to be held; of the faults, those that refuse and those that are slow apply."""
        with self.record.lock:
            self.record.calls.append(f"{scope['method']} {scope['raw_path'].decode('latin-1')}")
        fault = self.faults.due(scope["method"], scope["path"])
        if fault is not None and fault.status is not None:
            request = await _read({**scope, "type": "http"}, receive)
            headers = {"Retry-After": f"{fault.seconds:g}"}
            words = {"errors": [{"code": "TOOMANYREQUESTS" if fault.status == 429 else "UNKNOWN", "message": "busy"}]}  # noqa: PLR2004  HTTP's number
            await _send(Answer(fault.status, words, headers), request, send)
            return
        if fault is not None and fault.kind == "slow":
            await run_in_threadpool(wait, fault.seconds)
        with suppress(ConnectionError):
            await self.registry.pass_on(scope, receive, send)

    def _safely_answered(self, request: Request) -> Answer:
        try:
            return self._answered(request)
        except Exception:
            logger.exception("The emulator has a defect: %s %s", request.verb, request.path)
            return self._refused(request, Fault("error"))

    def _answered(self, request: Request) -> Answer:
        if "origin" in request.headers:  # a web page must not start programs on its visitor's machine
            return Answer(403, {"error": {"code": "Forbidden", "message": "The emulator answers no browsers."}})
        if request.path.startswith("/_emulator"):
            return self._control.answer(request)
        with self.record.lock:
            self.record.calls.append(f"{request.verb} {request.raw_path}")
        fault = self.faults.due(request.verb, request.path)
        if fault is not None and fault.status is not None:
            return self._refused(request, fault)
        if fault is not None and fault.kind == "slow":
            wait(fault.seconds)
        answer = self._served(request)
        if fault is not None and fault.kind == "repeat":
            answer = self._served(request)
        is_lost = fault is not None and fault.kind == "drop"
        return replace(answer, headers={**answer.headers, DROPPED.decode(): "true"}) if is_lost else answer

    def _served(self, request: Request) -> Answer:
        if self.batch.knows(request.path):
            answer = self.batch.answer(request)
        elif self.arm.knows(request.path):
            answer = self.arm.answer(request)
        elif self.iot_hub.knows(request.path):
            answer = self.iot_hub.answer(request)
        elif self.registry.knows(request.path):
            return self.registry.answer(request)
        elif self.builds.knows(request.path):
            return self.builds.answer(request)
        else:
            return self.login.answer(request)
        if self._strict is not None:
            self._check(request, answer)
        return answer

    def _refused(self, request: Request, fault: Fault) -> Answer:
        """Be unable to answer, in the words of the service that was asked."""
        headers = {} if fault.kind == "error" else {"Retry-After": f"{fault.seconds:g}"}
        if self.batch.knows(request.path):
            code = {429: "TooManyRequests", 503: "ServerBusy"}.get(fault.status or 0, "InternalError")
            answer = self.batch.refusal(BatchProblem(code))
            body = json.dumps(answer.body).encode()
            kind = "application/json;odata=minimalmetadata"
            return replace(answer, body=body, headers={**headers, "Content-Type": kind})
        service = self.iot_hub if self.iot_hub.knows(request.path) else self.arm
        return service.refusal(fault.status or 500, headers)

    def _check(self, request: Request, answer: Answer) -> None:
        """Compare both directions with the specifications; what a client does wrong shows in the answer's status."""
        assert self._strict is not None  # noqa: S101  the caller looked
        operation = self._strict.operation(request.verb, request.raw_path)
        if operation is None:
            return
        problems = [f"request: {one}" for one in self._strict.check_request(request.verb, request.url, request.body)]
        body: Any = None if request.verb == "HEAD" else answer.body
        if isinstance(body, bytes) and "json" in answer.headers.get("Content-Type", ""):
            body = json.loads(body) if body else None
        checked = self._strict.check_response(request.verb, request.url, answer.status, body)
        problems += [f"answer {answer.status}: {one}" for one in checked if not _is_known(one)]
        with self.record.lock:
            self.record.violations += [f"{request.verb} {request.raw_path}: {one}" for one in problems]


def _is_known(problem: str) -> bool:
    return any(deviation in problem for deviation in _DEVIATIONS)


async def _read(scope: Scope, receive: Receive) -> Request:
    incoming = HttpRequest(scope, receive)
    content = b""
    async for piece in incoming.stream():
        content += piece
        if len(content) > _LARGEST:
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host") or ":".join(map(str, scope["server"]))
    query = scope["query_string"].decode("latin-1")
    return Request(
        verb=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=query,
        pairs=parse_qsl(query, keep_blank_values=True),
        headers=headers,
        content=content,
        base=f"{scope['scheme']}://{host}",
        body=_json(content),
    )


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None


async def _send(answer: Answer, request: Request, send: Send) -> None:
    content = answer.body if isinstance(answer.body, bytes) else b""
    if answer.body is not None and not isinstance(answer.body, bytes):
        content = json.dumps(answer.body).encode()
    raw = [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in _headers(answer, len(content)).items()
    ]
    if answer.reason is not None:
        raw.append((HEADER, answer.reason.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if request.verb == "HEAD" else content})


def _headers(answer: Answer, size: int) -> dict[str, str]:
    """Return all headers, in the spelling in which their service wrote them."""
    given = {name.lower() for name in answer.headers}
    more = {"Content-Length": str(size)} | ({} if answer.body is None else {"Content-Type": "application/json"})
    if "request-id" not in given:  # Batch has a name of its own for it
        more["x-ms-request-id"] = str(uuid.uuid4())
    return {**answer.headers, **{name: value for name, value in more.items() if name.lower() not in given}}
