"""Attached compute targets and their slots."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import InvalidInputError
from aml_plugins.store.records import ComputeTargetRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.named import Named
from aml_plugins.store.sql.prepared import Prepared

__all__ = ["SqlComputeTargets", "lock_target", "refuse_while_used"]

_T, _SLOTS, _RUNS, _SERVICES = tables.compute_targets, tables.slots, tables.runs, tables.services
_NAMED_RUNS = 5
_WHERE = (_SLOTS.c.workspace == bindparam("of")) & (_SLOTS.c.target == bindparam("target"))
_TAKEN = Prepared(select(_SLOTS.c.run_id).join(_RUNS, _RUNS.c.run_id == _SLOTS.c.run_id).where(_WHERE, _RUNS.c.active))
_HELD = Prepared(select(_SLOTS.c.number, _SLOTS.c.run_id).where(or_(_WHERE, _SLOTS.c.run_id == bindparam("run"))))
_LOCK = Prepared(
    select(_T.c.name).where(_T.c.workspace == bindparam("of"), _T.c.name == bindparam("target")).with_for_update()
)
_MADE = tables.provisionings
_CHANGING = select(_MADE.c.state).where(
    _MADE.c.workspace == bindparam("of"), _MADE.c.name == bindparam("target"), ~_MADE.c.settled
)
_CLAIM = Prepared(insert(_SLOTS).inline())
_ALIKE = _SLOTS.alias()
_IN_USE = (
    select(func.count())
    .select_from(_ALIKE)
    .where(_ALIKE.c.workspace == _SLOTS.c.workspace, _ALIKE.c.target == _SLOTS.c.target)
    .scalar_subquery()
)
_PASS = Prepared(
    update(_SLOTS)
    .where(_SLOTS.c.run_id == bindparam("ended"), bindparam("limit") >= _IN_USE)
    .values(run_id=bindparam("to"))
)
_RELEASE = delete(_SLOTS).where(_SLOTS.c.run_id == bindparam("run"))


class SqlComputeTargets(Named[ComputeTargetRecord]):
    """Implements :class:`aml_plugins.store.interface.ComputeTargets`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _T, ComputeTargetRecord, "Compute target", "Look at: aml compute list")

    def save(self, record: ComputeTargetRecord) -> ComputeTargetRecord:
        statement = update(_T).where(_T.c.workspace == record.workspace, _T.c.name == record.name)
        with self._database.writing() as connection:
            if not connection.execute(statement.values(type=record.type, config=record.config)).rowcount:
                raise self.not_found(record.workspace, record.name)
        return self.get(record.workspace, record.name)

    def remove(self, workspace: str, name: str) -> None:
        with self._database.writing() as connection:
            self._lock(connection, workspace, name)
            _refuse_while_changing(connection, workspace, name)
            refuse_while_used(connection, workspace, name)
            connection.execute(delete(_T).where(_T.c.workspace == workspace, _T.c.name == name))

    def claim_slot(self, workspace: str, name: str, run_id: str, limit: int) -> bool:
        if self._is_full(workspace, name, run_id, limit):
            return False
        try:
            with self._database.writing() as connection:
                self._lock(connection, workspace, name)
                return _claim(connection, workspace, name, run_id, limit)
        except IntegrityError:
            return True  # another driver of the same run has just claimed it, elsewhere than on this target

    def pass_slot(self, ended: str, waiting: str, limit: int) -> bool:
        try:
            with self._database.writing_once() as connection:
                return _PASS.count(connection, {"ended": ended, "to": waiting, "limit": limit}) > 0
        except IntegrityError:
            return False  # the one that waits has a slot already

    def release_slot(self, run_id: str) -> None:
        with self._database.writing_once() as connection:
            connection.execute(_RELEASE, {"run": run_id})

    def _is_full(self, workspace: str, name: str, run_id: str, limit: int) -> bool:
        """Look before asking for the lock: most that ask have to wait for a slot."""
        with self._database.reading() as connection:
            taken = {run for (run,) in _TAKEN.rows(connection, {"of": workspace, "target": name})}
        return len(taken) >= limit and run_id not in taken

    def _lock(self, connection: Connection, workspace: str, name: str) -> None:
        if not lock_target(connection, workspace, name):
            raise self.not_found(workspace, name)


def lock_target(connection: Connection, workspace: str, name: str) -> bool:
    """Make others who claim or remove wait, and say whether the target is there.

    SQLite's transactions exclude each other anyway.
    """
    return bool(_LOCK.rows(connection, {"of": workspace, "target": name}))


def _claim(connection: Connection, workspace: str, name: str, run_id: str, limit: int) -> bool:
    held = _held(connection, workspace, name, run_id)
    if run_id in held.values():
        return True
    if len(held) >= limit and _free_ended(connection, workspace, name):
        held = _held(connection, workspace, name, run_id)
    free = [number for number in range(limit) if number not in held]
    if len(held) >= limit or not free:
        return False
    _CLAIM.write(connection, {"workspace": workspace, "target": name, "number": free[0], "run_id": run_id})
    return True


def _held(connection: Connection, workspace: str, name: str, run_id: str) -> dict[int, str]:
    return dict(_HELD.rows(connection, {"of": workspace, "target": name, "run": run_id}))


def _free_ended(connection: Connection, workspace: str, name: str) -> bool:
    """Free the slots of runs that ended while their driver was killed before it could."""
    ended = select(_RUNS.c.run_id).where(~_RUNS.c.active)
    statement = delete(_SLOTS).where(
        _SLOTS.c.workspace == workspace, _SLOTS.c.target == name, _SLOTS.c.run_id.in_(ended)
    )
    return connection.execute(statement).rowcount > 0


def _refuse_while_changing(connection: Connection, workspace: str, name: str) -> None:
    """Whoever detached a target that is being created would have nothing to delete what comes of it with."""
    found = connection.scalars(_CHANGING, {"of": workspace, "target": name}).first()
    if found is not None:
        raise InvalidInputError(
            f"Compute target {name!r} is being created or deleted (its state is {found}).",
            "Wait until that has ended, or delete the target.",
        )


def refuse_while_used(connection: Connection, workspace: str, name: str) -> None:
    """Refuse, naming them, while runs on the target have not ended, or services live on it.

    :raises InvalidInputError: likewise.
    """
    _refuse_while_served(connection, workspace, name)
    mine = (_RUNS.c.workspace == workspace) & (_RUNS.c.target == name) & _RUNS.c.active
    count = connection.execute(select(func.count()).select_from(_RUNS).where(mine)).scalar_one()
    if not count:
        return
    some = connection.scalars(select(_RUNS.c.run_id).where(mine).order_by(_RUNS.c.created_at).limit(_NAMED_RUNS))
    names = ", ".join(some) + (", …" if count > _NAMED_RUNS else "")
    raise InvalidInputError(
        f"Compute target {name!r} has {count} runs that have not ended: {names}.", "Wait for them or cancel them first."
    )


def _refuse_while_served(connection: Connection, workspace: str, name: str) -> None:
    rows = connection.execute(select(_SERVICES.c.name, _SERVICES.c.desired).where(_SERVICES.c.workspace == workspace))
    living = sorted(row.name for row in rows if row.desired.get("target") == name)
    if living:
        raise InvalidInputError(
            f"The services {', '.join(living)} live on the compute target {name!r}.",
            "Delete them first: aml service delete NAME",
        )
