"""The data plane as a whole: who asks, for what, in which version; and the headers of every answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls import CALLS
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.numbers import with_numbers
from aml_plugins.testing.azure_emulator.batch.signatures import is_signed, string_to_sign
from aml_plugins.testing.azure_emulator.batch.text import iso, json_text
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.tokens import is_token
from aml_plugins.testing.swagger import Specification

__all__ = ["BatchService"]

_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.\d+\.\d+)?")
_JSON = "application/json;odata=minimalmetadata"


class BatchService:
    """Answers requests for one account."""

    def __init__(self, account: Account, specification: Specification) -> None:
        self.account = account
        self._specification = specification
        account.problems = lambda url, body: specification.check_response("GET", url, 200, body)

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to Batch."""
        start = path.lstrip("/").partition("/")[0].lower()
        return start in _FIRST_PARTS

    def answer(self, request: Request) -> Answer:
        """Answer a request; never raises for what a client did."""
        request_id = str(uuid.uuid4())
        try:
            answer = self._answered(request)
        except BatchProblem as problem:
            answer = self.refusal(problem, request_id)
        return self._finished(request, answer, request_id)

    def refusal(self, problem: BatchProblem, request_id: str | None = None) -> Answer:
        """Return an error as an answer."""
        identity = request_id or str(uuid.uuid4())
        body = problem.body(self.account.endpoint, identity, iso())
        return Answer(problem.status, body, reason=problem.message.partition("\n")[0])

    def _answered(self, request: Request) -> Answer:
        self._authenticate(request)
        self._check_version(request)
        operation = self._specification.operation(request.verb, request.raw_path)
        if operation is None:
            raise BatchProblem("InvalidRequestUri")
        match = operation.pattern.match(request.raw_path)
        parameters = {name: unquote(value) for name, value in (match.groupdict() if match else {}).items()}
        problems = self._specification.check_request(request.verb, request.url, request.body)
        request = replace(request, body=with_numbers(request.body, problems))
        self._check_body(request)
        call: Callable[[Account, Request], Answer] = CALLS[operation.operation_id]
        with self.account.engine.lock:
            answer = call(self.account, replace(request, parameters=parameters))
            return _rendered(answer)

    def _authenticate(self, request: Request) -> None:
        settings = self.account.settings
        if not settings.check_credentials:
            return
        authorization = request.headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            accepted = is_token(authorization.removeprefix("Bearer "), "https://batch.core.windows.net")
        else:
            text = string_to_sign(request.verb, request.raw_path, request.pairs, request.headers, settings.account)
            accepted = is_signed(authorization, text, settings.account, settings.key)
        if not accepted:
            raise BatchProblem(
                "AuthenticationFailed",
                AuthenticationErrorDetail="The specified type of authentication SharedKey is not allowed or the "
                "signature does not match",
            )

    def _check_version(self, request: Request) -> None:
        version = request.query.get("api-version")
        if version is None:
            raise BatchProblem("MissingRequiredQueryParameter", QueryParameterName="api-version")
        if not _VERSION.fullmatch(version):
            raise BatchProblem("UnsupportedRequestVersion", QueryParameterValue=version)

    def _check_body(self, request: Request) -> None:
        """Refuse what the specification does not allow, in the service's words."""
        if request.content and request.body is None:
            raise BatchProblem("InvalidRequestBody", Reason="The body is not JSON")
        for problem in self._specification.check_request(request.verb, request.url, request.body):
            where, _, what = problem.partition(": ")
            if not where.startswith("body"):
                continue
            missing = re.match(r"'(\w+)' is a required property", what)
            if missing or what == "missing":
                raise BatchProblem("MissingRequiredProperty", PropertyName=missing[1] if missing else "body")
            if request.body is not None and what != "takes none":
                name = where.rpartition("/")[2]
                raise BatchProblem("InvalidRequestBody" if name == "body" else "InvalidPropertyValue",
                                   PropertyName=name, Reason=what)  # fmt: skip

    def _finished(self, request: Request, answer: Answer, request_id: str) -> Answer:
        headers: dict[str, str] = {
            "Server": "Microsoft-HTTPAPI/2.0",
            "request-id": request_id,
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "DataServiceVersion": "3.0",
        }
        if request.headers.get("return-client-request-id", "").lower() == "true":
            headers["client-request-id"] = request.headers.get("client-request-id", "")
        return _rendered(replace(answer, headers={**headers, **answer.headers}))


def _rendered(answer: Answer) -> Answer:
    """Turn JSON into text while nobody changes it."""
    body: Any = answer.body
    if not isinstance(body, Mapping):
        return answer
    headers = {"Content-Type": _JSON, **answer.headers}
    return replace(answer, body=json_text(body).encode(), headers=headers)


_FIRST_PARTS = frozenset(
    {
        "pools",
        "jobs",
        "jobschedules",
        "applications",
        "nodecounts",
        "supportedimages",
        "poolusagemetrics",
        "certificates",
        "lifetimejobstats",
        "lifetimepoolstats",
    }
)
