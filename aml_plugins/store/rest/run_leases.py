"""Who drives which run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aml_plugins.store.leases import owner_is_dead
from aml_plugins.store.records import RunRecord
from aml_plugins.store.rest.asking import slices
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.records import records_of

__all__ = ["RunLeases"]

_MOST = 1000
"""A server answers with no more at a time."""


class RunLeases:
    """The part of :class:`aml_plugins.store.interface.Runs` that deals with leases."""

    def __init__(self, connection: Connection) -> None:
        self._leased = connection

    def acquire(self, run_ids: Collection[str], owner: str, seconds: float) -> Sequence[str]:
        held = self._take(run_ids, owner, seconds)
        refused = set(run_ids).difference(held)
        if not refused:
            return held
        # The server knows who of its own host lives; who of ours does, only we do.
        freed = self._give_up_of_the_dead(refused)
        return [*held, *self._take(freed, owner, seconds)] if freed else held

    def release(self, run_ids: Collection[str], owner: str) -> None:
        for ids in slices(run_ids):
            self._leased.call("POST", path_of("runs", "release"), body={"run_ids": ids, "owner": owner})

    def due(self, owner: str, limit: int = 1000, workspace: str | None = None) -> Sequence[RunRecord]:
        query = {"owner": owner, "limit": min(limit, _MOST), "workspace": workspace}
        return records_of(RunRecord, self._leased.call("GET", path_of("runs", "due"), query=query).value["items"])

    def _take(self, run_ids: Collection[str], owner: str, seconds: float) -> list[str]:
        held: list[str] = []
        for ids in slices(run_ids):
            body = {"run_ids": ids, "owner": owner, "seconds": seconds}
            held += self._leased.call("POST", path_of("runs", "acquire"), body=body).value["held"]
        return held

    def _give_up_of_the_dead(self, run_ids: Collection[str]) -> list[str]:
        freed: list[str] = []
        for ids in slices(run_ids):
            answer = self._leased.call("POST", path_of("runs", "read"), body={"run_ids": ids}).value
            for run in records_of(RunRecord, answer["items"]):
                if run.lease_owner is not None and owner_is_dead(run.lease_owner):
                    self.release([run.run_id], run.lease_owner)
                    freed.append(run.run_id)
        return freed
