"""Automatic deployments: which apply to a device, and what is desired of it then.

Source: learn.microsoft.com/azure/iot-edge/module-deployment-monitoring. The base deployment of the highest priority
applies; layered ones above it are merged upwards. Of equals, the one created last wins.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.iot_hub.errors import HubProblem
from aml_plugins.testing.azure_emulator.iot_hub.queries import QueryError, parse_condition, parse_query
from aml_plugins.testing.azure_emulator.iot_hub.twins import Twin, merged

__all__ = ["Configuration", "desired_of", "system_queries"]

_WHOLE = "properties.desired"
NOBODY = "deviceId = ''"
_FIXED = ("id", "content", "schemaVersion")
_QUERIES = {
    "appliedCount": "select deviceId from devices.modules where moduleId = '$edgeAgent' "
    "and configurations.[[{id}]].status = 'Applied'",
    "reportedSuccessfulCount": "select deviceId from devices.modules where moduleId = '$edgeAgent' "
    "and configurations.[[{id}]].status = 'Applied' "
    "and properties.desired.$version = properties.reported.lastDesiredVersion "
    "and properties.reported.lastDesiredStatus.code = 200",
    "reportedFailedCount": "select deviceId from devices.modules where moduleId = '$edgeAgent' "
    "and configurations.[[{id}]].status = 'Applied' "
    "and properties.desired.$version = properties.reported.lastDesiredVersion "
    "and properties.reported.lastDesiredStatus.code != 200",
}


@dataclass
class Configuration:
    """One, as it was put.

    :param order: of creation.
    """

    body: dict[str, Any]
    order: int
    etag: str = field(default="MQ==")

    @classmethod
    def checked(cls, name: str, body: Mapping[str, Any], order: int) -> Configuration:
        """Read a new one.

        :raises HubProblem: where the hub refuses it.
        """
        if body.get("id") != name:
            raise HubProblem(400, "ArgumentInvalid", "The configuration id does not match the one of the request.")
        content = (body.get("content") or {}).get("modulesContent")
        if not isinstance(content, Mapping):
            raise HubProblem(400, "InvalidConfigurationContent", "modulesContent is missing.")
        made = cls(copy.deepcopy(dict(body)), order)
        made._check()
        made.body["createdTimeUtc"] = made.body["lastUpdatedTimeUtc"] = iso()
        return made

    @property
    def id(self) -> str:
        """Its name."""
        return str(self.body["id"])

    @property
    def content(self) -> Mapping[str, Any]:
        """Desired properties by module."""
        found: Mapping[str, Any] = self.body["content"]["modulesContent"]
        return found

    @property
    def is_base(self) -> bool:
        """Whether it says everything of ``$edgeAgent``, not only a part."""
        return _WHOLE in (self.content.get("$edgeAgent") or {})

    @property
    def rank(self) -> tuple[int, int]:
        """What is higher wins."""
        return int(self.body.get("priority") or 0), self.order

    def update(self, body: Mapping[str, Any], etag: str) -> None:
        """Change what may be changed.

        :raises HubProblem: for another content, or where somebody else was faster.
        """
        if etag.strip('"') not in {"*", self.etag}:
            raise HubProblem(412, "PreconditionFailed", "The etag does not match.")
        if any(name in body and body[name] != self.body.get(name) for name in _FIXED):
            raise HubProblem(400, "ArgumentInvalid", "Identifier and content of a configuration cannot be updated.")
        changed = Configuration({**self.body, **copy.deepcopy(dict(body))}, self.order)
        changed._check()
        self.body = {**changed.body, "lastUpdatedTimeUtc": iso()}
        self.etag += "="

    def targets(self, device: Mapping[str, Any]) -> bool:
        """Say whether a device, as a query sees it, fulfils its condition."""
        return parse_condition(str(self.body.get("targetCondition") or ""))(device)

    def _check(self) -> None:
        try:
            parse_condition(str(self.body.get("targetCondition") or ""))
            for query in ((self.body.get("metrics") or {}).get("queries") or {}).values():
                parse_query(query)
        except QueryError as error:
            raise HubProblem(400, "InvalidConfigurationTargetCondition", str(error)) from None


def system_queries(configuration: Configuration) -> dict[str, str]:
    """Return the queries that the hub itself makes of a deployment."""
    condition = str(configuration.body.get("targetCondition") or "")
    edge = "select deviceId from devices where capabilities.iotEdge = true"
    targeted = edge if condition == "*" else f"{edge} and ({condition or NOBODY})"
    queries = {name: query.format(id=configuration.id) for name, query in _QUERIES.items()}
    return {"targetedCount": targeted, **queries}


def desired_of(modules: Mapping[str, Twin], targeting: Iterable[Configuration]) -> dict[str, dict[str, Any]] | None:
    """Say of each module what is desired by the deployments that target its device, and mark them in its twins.

    :returns: None where no base deployment targets it: what was set by hand stays.
    """
    ranked = sorted(targeting, key=lambda one: one.rank)
    marks = {one.id: {"status": "Targeted"} for one in ranked}
    base = next((one for one in reversed(ranked) if one.is_base), None)
    found: dict[str, dict[str, Any]] = {}
    for one in ranked:
        if base is not None and (one is base or (not one.is_base and one.rank > base.rank)):
            marks[one.id] = {"status": "Applied"}
            for module, content in one.content.items():
                found[module] = _applied(found.get(module, {}), content)
    for twin in modules.values():
        twin.configurations = marks
    return found if base is not None else None


def _applied(known: dict[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    for path, value in content.items():
        if path == _WHOLE:
            known = copy.deepcopy(dict(value))
            continue
        for name in reversed(path.removeprefix(f"{_WHOLE}.").split(".")):
            value = {name: value}  # noqa: PLW2901  from the inside out
        known = merged(known, value)
    return known
