"""Requests that nobody would send: made from the specification, right and wrong. None of them is a defect."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from collections import Counter
from urllib.parse import quote

from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.azure_emulator.emulator import SPECIFICATIONS
from aml_plugins.testing.swagger import Specification
from aml_plugins.testing.swagger.documents import Place

ROUNDS = 25
VERSION = "api-version=2025-06-01"
NAMES = {"poolId": "p", "jobId": "j", "taskId": "t", "jobScheduleId": "s", "filePath": "stdout.txt"}
WORDS = ("p", "j", "t", "x", "true", "0x8D", "requeue", "a/../b", "")
QUERIES = (
    "",
    "",
    "&$filter=id eq 'p'",
    "&maxresults=1",
    "&$select=id,state",
    "&recursive=true",
    "&$filter=(",
    "&maxresults=0",
)
MACHINE = {"imageReference": {}, "nodeAgentSKUId": "a"}


class Maker:
    """Makes values of a schema, now and then of another one."""

    def __init__(self, specification: Specification, chance: random.Random) -> None:
        self.specification = specification
        self.chance = chance

    def value(self, at: Place, depth: int = 0) -> object:
        place = self.specification._documents.resolved(at)
        schema, chance = place.value, self.chance
        if chance.random() < 0.05:
            return chance.choice([None, 1, "x", [], {}, True])
        if schema.get("enum"):
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "array":
            return [
                self.value(Place(schema.get("items", {}), place.file), depth + 1) for _ in range(chance.randint(0, 2))
            ]
        if kind == "object" or "properties" in schema or "allOf" in schema:
            members, required = self.specification._schemas[True].members(place)
            likely = 0.35 if depth < 3 else 0.05
            return {
                name: self.value(member, depth + 1)
                for name, member in members.items()
                if name in required or chance.random() < likely
            }
        if kind in {"integer", "number", "boolean"}:
            return chance.choice([True, False] if kind == "boolean" else [0, 1, 2, -1, 5])
        known = {"date-time": "2026-01-01T00:00:00Z", "duration": "PT5M"}
        return known.get(schema.get("format", "")) or chance.choice(WORDS)


def ask(emulator: AzureEmulator, verb: str, path: str, body: object = None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{emulator.url}{path}", data, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_no_request_is_a_defect(caplog):
    chance = random.Random(7)
    files = (SPECIFICATIONS / "batch" / "data-plane" / "Batch" / "stable" / "2025-06-01" / "BatchService.json",)
    specification = Specification(files)
    operations, maker = list(specification._operations), Maker(specification, chance)
    seen: Counter[int] = Counter()
    with AzureEmulator(Settings(check_credentials=False)) as emulator:
        for _ in range(ROUNDS):
            _begin(emulator)
            nodes = json.loads(ask(emulator, "GET", f"/pools/p/nodes?{VERSION}")[1]).get("value") or [{"id": "n"}]
            names = {**NAMES, "nodeId": nodes[0]["id"]}
            chance.shuffle(operations)
            for operation in operations[:25]:
                path = operation.path
                for name in operation.pattern.groupindex:
                    path = path.replace(f"{{{name}}}", names.get(name, "none"))
                place = operation.body
                body = maker.value(Place(place.value["schema"], place.file)) if place else None
                query = quote(VERSION + chance.choice(QUERIES), safe="=&$")
                status, answered = ask(emulator, operation.verb, f"{path}?{query}", body)
                assert status < 500, (operation.operation_id, body, answered)
                seen[status // 100] += 1
    assert seen[2] > 50
    assert seen[4] > 50
    assert [record.getMessage() for record in caplog.records if "defect" in record.getMessage()] == []


def _begin(emulator: AzureEmulator) -> None:
    """Make sure that there is something to ask about."""
    pool = {"id": "p", "vmSize": "x", "virtualMachineConfiguration": MACHINE, "targetDedicatedNodes": 1}
    ask(emulator, "POST", f"/pools?{VERSION}", pool)
    ask(emulator, "POST", f"/jobs?{VERSION}", {"id": "j", "poolInfo": {"poolId": "p"}})
    ask(emulator, "POST", f"/jobs/j/tasks?{VERSION}", {"id": "t", "commandLine": "true"})
    schedule = {"id": "s", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "p"}}}
    ask(emulator, "POST", f"/jobschedules?{VERSION}", schedule)
