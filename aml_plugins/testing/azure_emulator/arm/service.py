"""The resource manager as a whole: who asks, for what, and the answers that all resource types share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from aml_plugins.testing.azure_emulator.arm.container_groups import ContainerGroups
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem
from aml_plugins.testing.azure_emulator.arm.operations import Operations
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
        self._operations = Operations(engine)
        self._groups = ContainerGroups(settings, engine, self._operations)
        self._tracked = TrackedResources(settings, engine, self._operations)
        self._builds = Builds(settings, engine, files)

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to the resource manager."""
        return path.lower().startswith(("/subscriptions", "/providers/", "/tenants"))

    def answer(self, request: Request) -> Answer:
        """Answer a request; never raises for what a client did."""
        try:
            self._authenticate(request)
            with self._engine.lock:
                return _rendered(self._answered(request))
        except ArmProblem as problem:
            return _rendered(problem.answer())

    def refusal(self, status: int, headers: Mapping[str, str]) -> Answer:
        """Return an answer that says that the service cannot answer."""
        code, message = _THROTTLED[status]
        return _rendered(Answer(status, {"error": {"code": code, "message": message}}, headers))

    def close(self) -> None:
        """End all containers and builds."""
        self._groups.close()
        self._builds.close()

    def _authenticate(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._settings.check_credentials and not any(is_token(token, audience) for audience in _AUDIENCES):
            raise ArmProblem(
                401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or invalid."
            )

    def _answered(self, request: Request) -> Answer:
        polled = self._operations.answer(request.path)
        if polled is not None:
            return polled
        general = self._general(request)
        if general is not None:
            return general
        _check_version(request.query.get("api-version"))
        return self._of_resource(request)

    def _of_resource(self, request: Request) -> Answer:
        operation = self._specification.operation(request.verb, request.raw_path)
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
        call = self._groups.calls.get(operation.operation_id) or self._builds.calls.get(operation.operation_id)
        answer = call(named) if call else self._tracked.answer(operation.operation_id, named)
        if answer is None:
            raise ArmProblem(501, "NotSupportedByEmulator", f"The emulator has no {operation.operation_id}.")
        return answer

    def _general(self, request: Request) -> Answer | None:
        """Answer what clients ask before they come to the point: subscriptions, resource groups, providers."""
        parts = request.path.strip("/").split("/")
        subscription = parts[1] if len(parts) > 1 else self._settings.subscription
        lowered = [part.lower() for part in parts]
        if lowered in (["subscriptions"], ["subscriptions", subscription.lower()]):
            facts = {"id": f"/subscriptions/{subscription}", "subscriptionId": subscription, "state": "Enabled",
                     "tenantId": self._settings.tenant, "displayName": "Emulator"}  # fmt: skip
            return Answer(200, facts if len(parts) > 1 else {"value": [facts]})
        if len(parts) == 4 and lowered[2] == "resourcegroups":  # noqa: PLR2004  its own path
            return self._resource_group(request, parts)
        if len(parts) == 4 and lowered[2] == "providers":  # noqa: PLR2004  likewise
            return Answer(200, {"namespace": parts[3], "registrationState": "Registered", "resourceTypes": []})
        return None

    def _resource_group(self, request: Request, parts: list[str]) -> Answer:
        """Every resource group is there."""
        if request.verb == "DELETE":
            return Answer(200)
        if request.verb == "HEAD":
            return Answer(204)
        location = (request.body or {}).get("location") or self._settings.region
        facts = {"id": "/" + "/".join(parts), "name": parts[3], "type": "Microsoft.Resources/resourceGroups",
                 "location": location, "properties": {"provisioningState": "Succeeded"}}  # fmt: skip
        return Answer(201 if request.verb == "PUT" else 200, facts)


def _check_version(version: str | None) -> None:
    if not version:
        raise ArmProblem(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise ArmProblem(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")


def _rendered(answer: Answer) -> Answer:
    body: Any = answer.body
    headers = {"Cache-Control": "no-cache", **answer.headers}
    if not isinstance(body, Mapping):
        return replace(answer, headers=headers)
    headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    return replace(answer, body=json.dumps(body).encode(), headers=headers)
