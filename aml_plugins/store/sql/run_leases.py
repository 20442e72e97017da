"""Who drives which run: leases taken and given up by single statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, insert, or_, select, update

from aml_plugins.store.leases import LONGEST_LEASE_SECONDS, host_prefix, owner_is_dead
from aml_plugins.store.records import RunRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, locked_in_order, record_of_values

__all__ = ["RunLeases"]

_T = tables.runs
_INSERT = Prepared(insert(_T).inline())


class RunLeases:
    """The part of :class:`aml_plugins.store.interface.Runs` that deals with leases."""

    def __init__(self, database: Database) -> None:
        self._leased = database
        now = database.now()
        chosen = _T.c.run_id.in_(bindparam("ids", expanding=True))
        mine = _T.c.lease_owner == bindparam("owner")
        free = or_(
            _T.c.lease_owner.is_(None),
            _T.c.lease_until.is_(None),
            _T.c.lease_until <= now,
            _T.c.lease_until > now + LONGEST_LEASE_SECONDS,
            mine,
            _T.c.lease_owner.in_(bindparam("dead", expanding=True)),
        )
        later = now + bindparam("seconds")
        self._acquire = Prepared(
            update(_T)
            .where(locked_in_order(_T.c.run_id, chosen, free))
            .values(lease_owner=bindparam("owner"), lease_until=later)
            .returning(_T.c.run_id)
        )
        # A new row's lease begins by the clock that leases are compared with.
        self._insert_held = Prepared(insert(_T).inline().values(lease_until=later))
        self._release = Prepared(
            update(_T).where(locked_in_order(_T.c.run_id, chosen, mine)).values(lease_owner=None, lease_until=None)
        )
        of_this_host = _T.c.lease_owner.startswith(bindparam("host"), autoescape=False)
        self._neighbours = select(_T.c.lease_owner).distinct().where(_T.c.lease_until > now, of_this_host)
        self._active_neighbours = Prepared(self._neighbours.where(_T.c.active))
        due = select(*columns_of(_T, RunRecord)).where(_T.c.active, free).order_by(_T.c.created_at, _T.c.run_id)
        due = due.limit(bindparam("most", type_=Integer))
        self._due, self._due_in = Prepared(due), Prepared(due.where(_T.c.workspace == bindparam("of")))

    def acquire(self, run_ids: Collection[str], owner: str, seconds: float) -> Sequence[str]:
        held = self._take(run_ids, owner, seconds, ())
        refused = set(run_ids).difference(held)
        if not refused:
            return held
        # Somebody has the others. Only now is it worth asking whether he lives.
        dead = self._dead_owners(_T.c.run_id.in_(refused))
        return [*held, *self._take(refused, owner, seconds, dead)] if dead else held

    def release(self, run_ids: Collection[str], owner: str) -> None:
        if run_ids:
            with self._leased.writing_once() as connection:
                self._release.write(connection, {"ids": list(run_ids), "owner": owner})

    def due(self, owner: str, limit: int = 1000, workspace: str | None = None) -> Sequence[RunRecord]:
        values = {"owner": owner, "most": limit} | ({} if workspace is None else {"of": workspace})
        with self._leased.reading() as connection:
            neighbours = self._active_neighbours.rows(connection, {"host": host_prefix()})
            values["dead"] = [name for (name,) in neighbours if name != owner and owner_is_dead(name)]
            rows = (self._due if workspace is None else self._due_in).rows(connection, values)
        return [record_of_values(RunRecord, row) for row in rows]

    def insert(self, connection: Connection, row: Mapping[str, Any], seconds: float | None) -> None:
        """Write a new row, with a lease of so many seconds where it has one."""
        if seconds is None:
            _INSERT.write(connection, row)
            return
        held = {name: value for name, value in row.items() if name != "lease_until"}
        self._insert_held.write(connection, held | {"seconds": min(seconds, LONGEST_LEASE_SECONDS)})

    def _take(self, run_ids: Collection[str], owner: str, seconds: float, dead: Iterable[str]) -> list[str]:
        if not run_ids:
            return []
        values = {
            "ids": list(run_ids),
            "owner": owner,
            "seconds": min(seconds, LONGEST_LEASE_SECONDS),
            "dead": list(dead),
        }
        with self._leased.writing_once() as connection:
            return [run_id for (run_id,) in self._acquire.rows(connection, values)]

    def _dead_owners(self, among: ColumnElement[bool]) -> list[str]:
        with self._leased.reading() as connection:
            owners = list(connection.scalars(self._neighbours.where(among), {"host": host_prefix()}))
        return [owner for owner in owners if owner_is_dead(owner)]
