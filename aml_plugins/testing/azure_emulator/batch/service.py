"""The data plane as a whole: who asks, for what, in which version; and the headers of every answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls import CALLS
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.numbers import with_numbers
from aml_plugins.testing.azure_emulator.batch.queries import filtered_paths
from aml_plugins.testing.azure_emulator.batch.signatures import is_signed, string_to_sign
from aml_plugins.testing.azure_emulator.batch.text import iso, json_text
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.tokens import is_token
from aml_plugins.testing.swagger import Specification

__all__ = ["BatchService"]

_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.\d+\.\d+)?")
_OURS = "2025-06-01"
_REFUSED = 400
_WRONG_NUMBER = re.compile(r"query: '(?P<name>\w+)' must be a number, not '(?P<value>.*)'", re.DOTALL)
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
        body = problem.body(self.account.endpoint, identity, iso()) if problem.status >= _REFUSED else None
        return Answer(problem.status, body, reason=problem.message.partition("\n")[0])

    def _answered(self, request: Request) -> Answer:
        self._authenticate(request)
        self._check_version(request)
        operation = self._specification.operation(request.verb, request.raw_path)
        if operation is None:
            raise BatchProblem(
                "UnsupportedHttpVerb" if self._specification.knows(request.raw_path) else "InvalidRequestUri"
            )
        match = operation.pattern.match(request.raw_path)
        parameters = {name: unquote(value) for name, value in (match.groupdict() if match else {}).items()}
        problems = self._specification.check_request(request.verb, request.url, request.body)
        self._check_query(request, problems)
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
        if not authorization:
            raise BatchProblem("MissingRequiredHeader", HeaderName="Authorization")
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

    def _check_query(self, request: Request, problems: Sequence[str]) -> None:
        """Refuse parameters that the operation does not have, values that they cannot have, and unknown properties."""
        for problem in problems:
            wrong = _WRONG_NUMBER.match(problem)
            if wrong:
                raise _invalid(wrong["name"], wrong["value"], "Not a number")
        known = self._specification.parameters(request.verb, request.raw_path)
        for name, value in request.query.items():
            if name.startswith("$") and name not in known:
                raise BatchProblem("UnsupportedQueryParameter", QueryParameterName=name, QueryParameterValue=value)
        names = request.query.get("$expand", "")
        if names and names.strip() != "stats":
            raise _invalid("$expand", names, "Only stats can be expanded")
        if request.query.get("api-version") == _OURS:  # older versions have properties that this one has no more
            self._check_names(request)

    def _check_names(self, request: Request) -> None:
        known = self._specification.properties(request.verb, request.raw_path)
        for parameter, paths in (
            ("$select", [one.strip() for one in request.query.get("$select", "").split(",")]),
            ("$filter", filtered_paths(request.query.get("$filter"))),
        ):
            for path in paths:
                if path and path.partition("/")[0] not in known:
                    raise _invalid(parameter, request.query[parameter], f"There is no property '{path}'")

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


def _invalid(name: str, value: str, reason: str) -> BatchProblem:
    return BatchProblem("InvalidQueryParameterValue", QueryParameterName=name, QueryParameterValue=value, Reason=reason)


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
