"""What pools, jobs and tasks have in common: ids, entity tags, states."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.conditions import check_conditions
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.text import etag, iso
from aml_plugins.testing.azure_emulator.exchange import Request

__all__ = ["Resource", "check_id"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_id(value: object) -> str:
    """Return an id that Batch allows.

    :raises BatchProblem: for any other.
    """
    text = str(value)
    if not _ID.fullmatch(text):
        raise BatchProblem(
            "InvalidPropertyValue",
            PropertyName="id",
            PropertyValue=text,
            Reason="The id can contain any combination of alphanumeric characters including hyphens and "
            "underscores, and cannot contain more than 64 characters",
        )
    return text


class Resource:
    """A thing with an id, an entity tag and a state.

    :param body: as it is answered, in the order in which Batch writes it.
    """

    def __init__(self, identity: str, url: str, state: str) -> None:
        now = iso()
        self.id = identity
        self.modified = self.created = time.time()
        self.body: dict[str, Any] = {
            "id": identity,
            "url": url,
            "eTag": etag(),
            "lastModified": now,
            "creationTime": now,
            "state": state,
            "stateTransitionTime": now,
        }

    @property
    def key(self) -> str:
        """The id as it is compared: without case."""
        return self.id.lower()

    @property
    def state(self) -> str:
        """The state's word."""
        return str(self.body["state"])

    def enter(self, state: str, *, previous: bool = True) -> None:
        """Change the state; that is no update, and does not change the entity tag."""
        if state == self.state:
            return
        now = iso()
        facts = {"state": state, "stateTransitionTime": now}
        if previous:
            facts["previousState"] = self.body["state"]
            facts["previousStateTransitionTime"] = self.body["stateTransitionTime"]
        self.body = dict(_with_facts(self.body, facts))

    def update(self, changes: Mapping[str, Any]) -> None:
        """Take a client's changes."""
        self.body.update(changes)
        self.modified = time.time()
        self.body["eTag"] = etag()
        self.body["lastModified"] = iso(self.modified)

    def merge(self, changes: Mapping[str, Any], problems: Callable[[Mapping[str, Any]], list[str]]) -> None:
        """Take a ``PATCH``: what it does not mention stays, inside of objects as well.

        :param problems: says what is wrong with the whole that comes of it.
        """
        merged = {name: _merged(self.body.get(name), value) for name, value in changes.items() if value is not None}
        for problem in problems({**self.body, **merged}):
            raise BatchProblem("MissingRequiredProperty", Reason=problem)
        self.update(merged)

    def check_conditions(self, request: Request) -> None:
        """Refuse a request whose conditional headers do not hold.

        :raises BatchProblem: ``ConditionNotMet``.
        """
        check_conditions(request, str(self.body["eTag"]), self.modified)


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    return {**old, **{name: _merged(old.get(name), value) for name, value in new.items() if value is not None}}


def _with_facts(body: Mapping[str, Any], facts: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Keep the service's order: a state and its predecessor stand together."""
    for name, value in body.items():
        if name == "state":
            yield from facts.items()
        elif name not in _STATE_FACTS:
            yield name, value


_STATE_FACTS = frozenset({"state", "stateTransitionTime", "previousState", "previousStateTransitionTime"})
