"""Pools: how many nodes there are to be, and getting there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.autoscale import evaluate
from aml_plugins.testing.azure_emulator.batch.defaults import pool_properties, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.nodes import Node
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import iso, seconds_of

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.account import Account

__all__ = ["Pool"]

_QUOTAS = {
    True: ("AccountCoreQuotaReached", "The specified account has reached core quota"),
    False: ("AccountLowPriorityCoreQuotaReached", "The specified account has reached low priority core quota"),
}
_STOPPED = "Desired number of {} nodes could not be allocated due to a stop resize operation"


class Pool(Resource):
    """A pool and its nodes."""

    def __init__(self, account: Account, asked: Mapping[str, Any]) -> None:
        super().__init__(str(asked["id"]), f"{account.endpoint}/pools/{asked['id']}", "active")
        self.account = account
        self.nodes: dict[str, Node] = {}
        self._resize = 0
        self._scaling = 0
        given = {name: value for name, value in told(asked).items() if name != "id" and value is not None}
        self.body |= {
            "allocationState": "steady",
            "allocationStateTransitionTime": iso(),
            "vmSize": asked["vmSize"],
            "resizeTimeout": "PT15M",
            "currentDedicatedNodes": 0,
            "targetDedicatedNodes": 0,
            "currentLowPriorityNodes": 0,
            "targetLowPriorityNodes": 0,
            "enableAutoScale": False,
            "enableInterNodeCommunication": False,
            "taskSlotsPerNode": 1,
            **pool_properties(given, account.word),
        }
        targets = [int(self.body.pop(name)) for name in ("targetDedicatedNodes", "targetLowPriorityNodes")]
        self.body["targetDedicatedNodes"], self.body["targetLowPriorityNodes"] = 0, 0
        if self.body["enableAutoScale"]:
            self.body.pop("resizeTimeout", None)
            self.body.setdefault("autoScaleEvaluationInterval", "PT15M")
            self.scale()
        else:  # a pool that is to have no nodes is made in the same way
            self.resize(targets[0], targets[1])

    @property
    def usable_nodes(self) -> list[Node]:
        """The nodes that take tasks."""
        return [node for node in self.nodes.values() if node.is_usable]

    @property
    def has_room(self) -> bool:
        """Whether any node could take a task: with thousands of tasks waiting, most questions end here."""
        return any(node.is_usable and node.slots_free > 0 for node in self.nodes.values())

    def count(self, *, is_dedicated: bool) -> int:
        """Return how many nodes of a kind there are."""
        return sum(node.is_dedicated is is_dedicated for node in self.nodes.values())

    def resize(self, dedicated: int | None, low_priority: int | None, option: str = "requeue") -> None:
        """Begin to change the number of nodes.

        :raises BatchProblem: where it is changing already.
        """
        if self.body["allocationState"] != "steady":
            raise BatchProblem("PoolBeingResized")
        if dedicated is not None:
            self.body["targetDedicatedNodes"] = dedicated
        if low_priority is not None:
            self.body["targetLowPriorityNodes"] = low_priority
        self.body.pop("resizeErrors", None)
        self._allocation("resizing")
        self._resize += 1
        ours = self._resize
        self.account.engine.after(self.account.settings.delays.allocation, lambda: self._arrive(ours, option))

    def stop_resize(self) -> None:
        """Be content with what is there."""
        if self.body["allocationState"] != "resizing":
            return
        self._resize += 1
        self._allocation("stopping")
        self.account.engine.after(self.account.settings.delays.allocation / 2, self._stopped)

    def remove(self, names: list[str], option: str = "requeue") -> None:
        """Take these nodes out.

        :raises BatchProblem: where the pool is changing already, or has no such node.
        """
        if self.body["allocationState"] != "steady":
            raise BatchProblem("PoolBeingResized")
        nodes = [self.node(name) for name in names]
        self._allocation("resizing")

        def leave() -> None:
            for node in nodes:
                self.take_out(node, option)
                side = "targetDedicatedNodes" if node.is_dedicated else "targetLowPriorityNodes"
                self.body[side] = max(0, self.body[side] - 1)
            self._allocation("steady")

        self.account.engine.after(self.account.settings.delays.allocation, leave)

    def node(self, name: str) -> Node:
        """Return a node.

        :raises BatchProblem: where there is none of that name.
        """
        found = self.nodes.get(name.lower())
        if found is None:
            raise BatchProblem("NodeNotFound")
        return found

    def take_out(self, node: Node, option: str = "requeue") -> None:
        """Delete a node; its tasks go back to the queue, or end, as the option says."""
        if self.nodes.pop(node.key, None) is None:
            return
        node.enter("leavingpool")
        self.account.interrupt(node, requeue=option != "terminate")
        node.wipe()
        self._current()

    def leave(self) -> None:
        """Begin to be deleted: nodes go first."""
        self.update({"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0})
        if self.nodes:
            self._allocation("resizing")

    def replace_lost(self) -> None:
        """The service makes up for nodes that it lost."""
        if self.state == "active" and self.body["allocationState"] == "steady":
            self.resize(None, None)

    def scale(self) -> None:
        """Evaluate the formula now, and again at each interval."""
        self._scaling += 1
        ours = self._scaling
        self.account.engine.after(0, lambda: self._scale(ours))

    def stop_scaling(self) -> None:
        """Evaluate the formula no more."""
        self._scaling += 1

    def evaluated(self, formula: str) -> dict[str, Any]:
        """Return an ``autoScaleRun``."""
        return evaluate(formula, self, self.account)

    def targets_of(self, run: Mapping[str, Any]) -> tuple[int | None, int | None, str]:
        """Return what an evaluation asks for."""
        values = dict(part.split("=", 1) for part in str(run.get("results", "")).split(";") if "=" in part)
        dedicated, low = values.get("$TargetDedicatedNodes"), values.get("$TargetLowPriorityNodes")
        return (
            int(dedicated) if dedicated is not None else None,
            int(low) if low is not None else None,
            values.get("$NodeDeallocationOption", "requeue"),
        )

    def _scale(self, ours: int) -> None:
        if ours != self._scaling or self.state != "active" or not self.body["enableAutoScale"]:
            return
        run = self.body["autoScaleRun"] = self.evaluated(str(self.body["autoScaleFormula"]))
        if "error" not in run and self.body["allocationState"] == "steady":
            dedicated, low, option = self.targets_of(run)
            wanted = (
                self.body["targetDedicatedNodes"] if dedicated is None else dedicated,
                self.body["targetLowPriorityNodes"] if low is None else low,
            )
            if wanted != (self.body["targetDedicatedNodes"], self.body["targetLowPriorityNodes"]):
                self.resize(*wanted, option)
        interval = seconds_of(str(self.body["autoScaleEvaluationInterval"])) or 900.0
        self.account.engine.after(interval * self.account.settings.delays.scale, lambda: self._scale(ours))

    def _arrive(self, ours: int, option: str) -> None:
        if ours != self._resize or self.state != "active":
            return
        errors = []
        for is_dedicated, name in ((True, "targetDedicatedNodes"), (False, "targetLowPriorityNodes")):
            granted = self.account.granted(self, self.body[name], is_dedicated=is_dedicated)
            self._adjust(granted, option, is_dedicated=is_dedicated)
            if granted < self.body[name]:
                code, message = _QUOTAS[is_dedicated]
                errors.append({"code": code, "message": message, "values": []})
        if errors:
            self.body["resizeErrors"] = errors
        self._allocation("steady")
        if option == "taskcompletion" and self._surplus():  # those that are left run tasks
            self.account.engine.after(self.account.settings.delays.allocation, lambda: self._arrive(ours, option))

    def _surplus(self) -> bool:
        kinds = ((True, "targetDedicatedNodes"), (False, "targetLowPriorityNodes"))
        return any(self.count(is_dedicated=is_dedicated) > self.body[name] for is_dedicated, name in kinds)

    def _adjust(self, wanted: int, option: str, *, is_dedicated: bool) -> None:
        for _ in range(wanted - self.count(is_dedicated=is_dedicated)):
            node = Node(self.account, self, is_dedicated=is_dedicated)
            self.nodes[node.key] = node
            self.account.engine.after(self.account.settings.delays.boot / 2, node.boot)
        surplus = self.count(is_dedicated=is_dedicated) - wanted
        spare = sorted((n for n in self.nodes.values() if n.is_dedicated is is_dedicated), key=lambda n: len(n.running))
        for node in spare[: max(0, surplus)]:
            if option != "taskcompletion" or not node.running:
                self.take_out(node, option)
        self._current()

    def _stopped(self) -> None:
        errors = []
        for is_dedicated, name, word in (
            (True, "targetDedicatedNodes", "dedicated"),
            (False, "targetLowPriorityNodes", "low priority"),
        ):
            if self.body[name] != self.count(is_dedicated=is_dedicated):
                errors.append({"code": "ResizeStopped", "message": _STOPPED.format(word)})
        if errors:
            self.body["resizeErrors"] = errors
        self._allocation("steady")

    def _allocation(self, word: str) -> None:
        self.body["allocationState"] = word
        self.body["allocationStateTransitionTime"] = iso()
        self._current()

    def _current(self) -> None:
        self.body["currentDedicatedNodes"] = self.count(is_dedicated=True)
        self.body["currentLowPriorityNodes"] = self.count(is_dedicated=False)
        if self.nodes:  # of a pool without nodes, nothing is told
            self.body["currentNodeCommunicationMode"] = "simplified"
