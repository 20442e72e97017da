"""The resource manager as a whole: who asks, for what, and the answers that all resource types share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from aml_plugins.testing.azure_emulator.arm.batch_accounts import BatchAccounts
from aml_plugins.testing.azure_emulator.arm.batch_pools import BatchPools
from aml_plugins.testing.azure_emulator.arm.container_groups import ContainerGroups
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem, not_found
from aml_plugins.testing.azure_emulator.arm.headers import challenge, common
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.arm.scopes import Scopes
from aml_plugins.testing.azure_emulator.arm.tracked import TrackedResources
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.registry.builds import Builds
from aml_plugins.testing.azure_emulator.registry.files import BuildFiles
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.azure_emulator.tokens import is_token
from aml_plugins.testing.swagger import Specification

__all__ = ["ArmService"]

_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_UNAUTHORIZED = 401
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-\w+)?")
_LOCATED = frozenset(
    {"ContainerGroups_CreateOrUpdate", "ManagedClusters_CreateOrUpdate", "Clusters_Create", "BatchAccount_Create"}
)
"""What creates a resource that lies in a region."""
_THROTTLED = {
    429: ("TooManyRequests", "The request is being throttled."),
    503: ("ServerBusy", "The service is busy."),
    500: ("InternalServerError", "An internal error occurred."),
}


class ArmService:
    """Answers requests for all resources."""

    def __init__(self, settings: Settings, engine: Engine, specification: Specification, files: BuildFiles) -> None:
        self._settings = settings
        self._engine = engine
        self._specification = specification
        self._scopes = Scopes(settings)
        self._operations = Operations(engine)
        self._groups = ContainerGroups(settings, engine, self._operations)
        self._tracked = TrackedResources(settings, engine, self._operations)
        accounts = BatchAccounts(settings, self._operations)
        pools = BatchPools(settings, self._operations, accounts)
        self._owners = (self._groups, self._tracked, accounts, pools)
        self._builds = Builds(settings, engine, files)
        self._calls = {**self._groups.calls, **accounts.calls, **pools.calls, **self._builds.calls}

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to the resource manager."""
        return path.lower().startswith(("/subscriptions", "/providers/", "/tenants"))

    def answer(self, request: Request) -> Answer:
        """Answer a request; never raises for what a client did."""
        try:
            self._authenticate(request)
            with self._engine.lock:
                return self._rendered(request, self._answered(request))
        except ArmProblem as problem:
            answer = problem.answer()
        if answer.status == _UNAUTHORIZED:
            told = challenge(request, self._settings.tenant)
            answer = replace(answer, headers={**answer.headers, **told})
        return self._rendered(request, answer)

    def refusal(self, status: int, headers: Mapping[str, str]) -> Answer:
        """Return an answer that says that the service cannot answer."""
        code, message = _THROTTLED[status]
        return _json(Answer(status, {"error": {"code": code, "message": message}}, headers))

    def close(self) -> None:
        """End all containers and builds."""
        self._groups.close()
        self._builds.close()

    def _rendered(self, request: Request, answer: Answer) -> Answer:
        around = common(request, self._settings.region)
        return _json(replace(answer, headers={**around, **answer.headers}))

    def _authenticate(self, request: Request) -> None:
        if not self._settings.check_credentials:
            return
        authorization = request.headers.get("authorization", "")
        if not authorization:
            raise ArmProblem(
                401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        token = authorization.removeprefix("Bearer ")
        if not any(is_token(token, audience) for audience in _AUDIENCES):
            raise ArmProblem(401, "InvalidAuthenticationToken", "The access token is invalid.")

    def _answered(self, request: Request) -> Answer:
        polled = self._operations.answer(request.path)
        if polled is not None:
            return polled
        self._scopes.check(request)
        general = self._general(request)
        if general is not None:
            return general
        _check_version(request.query.get("api-version"))
        return self._of_resource(request)

    def _of_resource(self, request: Request) -> Answer:
        operation = self._specification.operation(request.verb, request.raw_path)
        if operation is None and self._specification.knows(request.raw_path):
            raise self._without_operation(request)
        if operation is None:
            raise ArmProblem(404, "InvalidResourceType", "The resource type could not be found in the namespace.")
        match = operation.pattern.match(request.raw_path)
        parameters = {name: unquote(value) for name, value in (match.groupdict() if match else {}).items()}
        named = replace(request, parameters=parameters)
        if request.content and request.body is None:
            raise ArmProblem(400, "InvalidRequestContent", "The request content was invalid and not JSON.")
        is_object = isinstance(request.body, dict)
        if operation.operation_id in _LOCATED and is_object and not request.body.get("location"):
            raise ArmProblem(400, "LocationRequired", "The location property is required for this definition.")
        found = self._specification.check_request(request.verb, request.url, request.body)
        wrong = [one for one in found if one.startswith("body")]
        if wrong:
            raise ArmProblem(400, "InvalidRequestContent", f"The request content was invalid: '{wrong[0]}'.")
        numbers = [one for one in found if "must be a number" in one]
        if numbers:
            raise ArmProblem(400, "InvalidQueryParameterValue", f"The request was invalid: {numbers[0]}.")
        call = self._calls.get(operation.operation_id)
        answer = call(named) if call else self._tracked.answer(operation.operation_id, named)
        if answer is None:
            raise ArmProblem(501, "NotSupportedByEmulator", f"The emulator has no {operation.operation_id}.")
        return answer

    def _without_operation(self, request: Request) -> ArmProblem:
        """Refuse a verb that a resource does not have; who asks whether it exists hears at least if it does not."""
        if request.verb == "HEAD" and not any(owner.has(request.path.rstrip("/")) for owner in self._owners):
            return not_found(request.path)
        return _no_verb(request)

    def _general(self, request: Request) -> Answer | None:
        """Answer what clients ask before they come to the point: subscriptions, resource groups, providers."""
        parts = request.path.strip("/").split("/")
        subscription = parts[1] if len(parts) > 1 else self._settings.subscription
        lowered = [part.lower() for part in parts]
        if lowered in (["subscriptions"], ["subscriptions", subscription.lower()]):
            if request.verb != "GET":
                raise _no_verb(request)
            facts = {"id": f"/subscriptions/{subscription}", "authorizationSource": "RoleBased",
                     "managedByTenants": [], "subscriptionId": subscription, "tenantId": self._settings.tenant,
                     "displayName": "Emulator", "state": "Enabled",
                     "subscriptionPolicies": {"locationPlacementId": "Internal_2014-09-01",
                                              "quotaId": "Internal_2014-09-01", "spendingLimit": "Off"}}  # fmt: skip
            return Answer(200, facts if len(parts) > 1 else {"value": [facts]})
        if len(parts) == 4 and lowered[2] == "resourcegroups":  # noqa: PLR2004  its own path
            return self._scopes.group(request)
        if len(parts) == 4 and lowered[2] == "providers":  # noqa: PLR2004  likewise
            return Answer(200, {"namespace": parts[3], "registrationState": "Registered", "resourceTypes": []})
        return None


def _check_version(version: str | None) -> None:
    if not version:
        raise ArmProblem(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise ArmProblem(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")


def _no_verb(request: Request) -> ArmProblem:
    return ArmProblem(405, "MethodNotAllowed", f"The requested resource does not support http method '{request.verb}'.")


def _json(answer: Answer) -> Answer:
    """Turn JSON into text while nobody changes it."""
    if not isinstance(answer.body, Mapping):
        return answer
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    return replace(answer, body=json.dumps(answer.body).encode(), headers=headers)
