"""``/_emulator``: what only tests want of a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError
from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.faults import Faults

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.application import Record

__all__ = ["Control"]


class Control:
    """Faults, lost nodes, and the record of what happened."""

    def __init__(self, account: Account, faults: Faults, record: Record) -> None:
        self._account = account
        self._faults = faults
        self._record = record

    def answer(self, request: Request) -> Answer:
        """Answer ``GET|POST|DELETE /_emulator/faults``, ``POST /_emulator/nodes/lose``, ``GET /_emulator/record``."""
        call = {
            "GET /_emulator/faults": self._shown,
            "POST /_emulator/faults": self._added,
            "DELETE /_emulator/faults": self._cleared,
            "POST /_emulator/nodes/lose": self._lost,
            "GET /_emulator/record": self._recorded,
        }.get(f"{request.verb} {request.path.rstrip('/')}")
        if call is None:
            return Answer(404, {"error": "There is nothing here."})
        try:
            return call(request.body or {})
        except (AmlError, TypeError, KeyError, BatchProblem) as error:
            return Answer(400, {"error": str(error)})

    def _shown(self, _: dict[str, Any]) -> Answer:
        return Answer(200, {"faults": self._faults.shown()})

    def _added(self, body: dict[str, Any]) -> Answer:
        self._faults.add(**body)
        return self._shown(body)

    def _cleared(self, body: dict[str, Any]) -> Answer:
        self._faults.clear()
        return self._shown(body)

    def _lost(self, body: dict[str, Any]) -> Answer:
        """``{"pool", "node", "preempted"}``; without a node, one that is running something."""
        with self._account.engine.lock:
            pool = self._account.pool(str(body["pool"]))
            name = body.get("node")
            busy = sorted(pool.nodes.values(), key=lambda node: -len(node.running))
            node = pool.node(str(name)) if name else busy[0]
            self._account.lose_node(node, preempted=bool(body.get("preempted")))
        return Answer(200, {"node": node.id})

    def _recorded(self, _: dict[str, Any]) -> Answer:
        return Answer(200, {"calls": list(self._record.calls), "violations": list(self._record.violations)})
