"""Batch as it answered Microsoft's own clients while somebody recorded it (2020 to 2026): headers, members, words.

The recordings are those of azure-sdk-for-python, azure-sdk-for-net and azure-cli. What was seen is written down here,
not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from services.azure_asking import Asking, differences

from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.azure_emulator.batch.text import duration, iso
from aml_plugins.testing.jobs import wait_until

VERSION = "api-version=2025-06-01"
IMAGE = {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts"}
MACHINE = {"imageReference": IMAGE, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}
POOL = {"vmSize": "STANDARD_D1_v2", "virtualMachineConfiguration": MACHINE}
FOREVER = "P10675199DT2H48M5.4775807S"
ANYBODY = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}

Ask = Callable[..., tuple[int, Mapping[str, str], Any]]


@pytest.fixture(scope="module")
def asking(emulator: AzureEmulator) -> Asking:
    return Asking(emulator)


@pytest.fixture
def ask(asking: Asking) -> Ask:
    return lambda verb, path, body=None: asking(verb, f"{path}{'&' if '?' in path else '?'}{VERSION}", body)


def steady(ask: Ask, pool: str) -> None:
    wait_until(lambda: ask("GET", f"/pools/{pool}")[2]["allocationState"] == "steady")


# Of each request: verb, path, body; of its answer: status, the entity tag (new, the same, none), and the path that the
# header DataServiceId told: "." for that of the request, None where the header was absent.
POOLS = [
    ("POST", "/pools", {**POOL, "id": "tags"}, 201, "new", "/pools/tags"),
    ("HEAD", "/pools/tags", None, 200, "same", None),
    ("PATCH", "/pools/tags", {"metadata": [{"name": "a", "value": "b"}]}, 200, "new", "."),
    ("POST", "/pools/tags/updateproperties", {"applicationPackageReferences": [], "metadata": []}, 204, "new", "."),
    ("POST", "/pools/tags/resize", {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 2}, 202, "new", "."),
    ("POST", "/pools/tags/stopresize", None, 202, "same", "."),
    ("POST", "/pools/tags/enableautoscale", {"autoScaleFormula": "$TargetDedicatedNodes=0"}, 200, "new", "."),
    ("POST", "/pools/tags/evaluateautoscale", {"autoScaleFormula": "$TargetDedicatedNodes=1"}, 200, "none", "."),
    ("DELETE", "/pools/tags", None, 202, "none", None),
]
JOBS = [
    ("POST", "/jobs", {"id": "work", "poolInfo": {"poolId": "none"}}, 201, "new", "/jobs/job-1"),
    ("PUT", "/jobs/work", {"poolInfo": {"poolId": "none"}}, 200, "new", "."),
    ("PATCH", "/jobs/work", {"priority": 900}, 200, "new", "."),
    ("POST", "/jobs/work/tasks", {"id": "t", "commandLine": "x"}, 201, "new", "/jobs/work/tasks/t"),
    ("PUT", "/jobs/work/tasks/t", {"constraints": {"maxTaskRetryCount": 3}}, 200, "new", "."),
    ("POST", "/jobs/work/tasks/t/terminate", None, 204, "new", "."),
    ("POST", "/jobs/work/tasks/t/reactivate", None, 204, "new", None),
    ("DELETE", "/jobs/work/tasks/t", None, 200, "none", None),
    ("POST", "/jobs/work/disable", {"disableTasks": "requeue"}, 202, "new", "."),
    ("POST", "/jobs/work/enable", None, 202, "new", "."),
    ("POST", "/jobs/work/terminate", None, 202, "new", "."),
    ("DELETE", "/jobs/work", None, 202, "none", None),
]
DAILY = {"schedule": {"startWindow": "PT1H", "recurrenceInterval": "P1D"}}
WORK = {"jobSpecification": {"poolInfo": {"poolId": "none"}}}
SCHEDULES = [
    ("POST", "/jobschedules", {"id": "often", **DAILY, **WORK}, 201, "new", "/jobschedules/often"),
    ("HEAD", "/jobschedules/often", None, 200, "same", None),
    ("POST", "/jobschedules/often/disable", None, 204, "new", "."),
    ("POST", "/jobschedules/often/enable", None, 204, "new", "."),
    ("PUT", "/jobschedules/often", {"schedule": {"recurrenceInterval": "PT10H"}, **WORK}, 200, "new", "."),
    ("PATCH", "/jobschedules/often", {"schedule": {"recurrenceInterval": "PT5H"}}, 200, "new", "."),
    ("POST", "/jobschedules/often/terminate", None, 202, "new", "."),
    ("DELETE", "/jobschedules/often", None, 202, "none", None),
]
ALWAYS = {
    "DataServiceVersion": "3.0",
    "Server": "Microsoft-HTTPAPI/2.0",
    "X-Content-Type-Options": "nosniff",
    "x-ms-request-id": None,
}


@pytest.mark.parametrize("exchanges", [POOLS, JOBS, SCHEDULES], ids=["pools", "jobs and tasks", "schedules"])
def test_each_answer_has_the_headers_that_were_recorded(
    emulator: AzureEmulator, ask: Ask, exchanges: list[Any]
) -> None:
    wrong, tag = [], None
    for verb, path, body, status, change, told in exchanges:
        if path.endswith(("/resize", "/enableautoscale")):
            steady(ask, "tags")
        answered, headers, _ = ask(verb, path, body)
        found = headers.get("ETag")
        is_right = {"new": found not in {None, tag}, "same": found == tag, "none": found is None}[change]
        service = None if told is None else f"{emulator.url}{path if told == '.' else told}"
        expected = {
            **ALWAYS,
            "DataServiceId": service,
            "Location": service if verb == "POST" and status == 201 else None,
        }
        problems = differences(expected, dict(headers))
        problems += [] if answered == status else [f"{status} was recorded, not {answered}"]
        problems += [] if is_right else [f"the tag is {found} after {tag}"]
        wrong += [f"{verb} {path}: {problem}" for problem in problems]
        tag = found or tag
    assert wrong == []


# What was asked for, where it is shown then, and what was shown. None: the member was not there.
SHOWN: Mapping[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "a pool that says little": (
        "/pools",
        {**POOL, "id": "little", "userAccounts": [{"name": "u", "password": "hunter2"}],
         "startTask": {"commandLine": "true", "userIdentity": {"autoUser": {"elevationLevel": "admin"}}}},
        "/pools/little",
        {
            "state": "active",
            "allocationState": ...,  # "resizing", for a moment
            "vmSize": "standard_d1_v2",
            "resizeTimeout": "PT15M",
            "currentDedicatedNodes": 0,
            "targetDedicatedNodes": 0,
            "enableAutoScale": False,
            "enableInterNodeCommunication": False,
            "taskSlotsPerNode": 1,
            "taskSchedulingPolicy": {"nodeFillType": "Spread", "jobDefaultOrder": "none"},
            "userAccounts": [{"name": "u", "elevationLevel": "nonadmin", "password": None}],
            "startTask": {
                "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "admin"}},
                "maxTaskRetryCount": 0,
                "waitForSuccess": True,
            },
            "virtualMachineConfiguration": {"imageReference": {**IMAGE, "version": "latest"}},
            "currentNodeCommunicationMode": None,
            "targetNodeCommunicationMode": None,
        },
    ),
    "a pool that says much": (
        "/pools",
        {**POOL, "id": "much", "taskSchedulingPolicy": {"nodeFillType": "pack"}, "resizeTimeout": "PT00H20M00S",
         "targetNodeCommunicationMode": "classic",
         "virtualMachineConfiguration": {**MACHINE, "dataDisks": [{"lun": 1, "diskSizeGB": 50}]},
         "networkConfiguration": {"endpointConfiguration": {"inboundNATPools": []}}},
        "/pools/much",
        {
            "resizeTimeout": "PT20M",
            "taskSchedulingPolicy": {"nodeFillType": "Pack"},
            "virtualMachineConfiguration": {
                "dataDisks": [{"lun": 1, "caching": "none", "diskSizeGB": 50}]
            },
            "networkConfiguration": {"dynamicVNetAssignmentScope": "none", "enableAcceleratedNetworking": False},
            "targetNodeCommunicationMode": "classic",
        },
    ),
    "a job with a pool and tasks of its own": (
        "/jobs",
        {"id": "own", "jobPreparationTask": {"commandLine": "true"}, "jobReleaseTask": {"commandLine": "true"},
         "poolInfo": {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": POOL}}},
        "/jobs/own",
        {
            "priority": 0,
            "maxParallelTasks": -1,
            "usesTaskDependencies": False,
            "allowTaskPreemption": False,
            "constraints": {"maxWallClockTime": FOREVER, "maxTaskRetryCount": 0},
            "jobPreparationTask": {
                "id": "jobpreparation",
                "constraints": {"maxWallClockTime": FOREVER, "retentionTime": "P7D", "maxTaskRetryCount": 0},
                "userIdentity": ANYBODY,
                "waitForSuccess": True,
                "rerunOnNodeRebootAfterSuccess": True,
            },
            "jobReleaseTask": {
                "id": "jobrelease",
                "maxWallClockTime": "PT15M",
                "retentionTime": "P7D",
                "userIdentity": ANYBODY,
            },
            "poolInfo": {
                "autoPoolSpecification": {
                    "keepAlive": False,
                    "pool": {
                        "vmSize": "standard_d1_v2",
                        "taskSlotsPerNode": 1,
                        "taskSchedulingPolicy": {"nodeFillType": "Spread"},
                        "resizeTimeout": "PT15M",
                        "targetDedicatedNodes": 0,
                        "targetLowPriorityNodes": 0,
                        "enableAutoScale": False,
                        "enableInterNodeCommunication": False,
                    },
                }
            },
            "onAllTasksComplete": "noaction",
            "onTaskFailure": "noaction",
        },
    ),
    "a job with a manager": (
        "/jobs",
        {"id": "managed", "constraints": {"maxTaskRetryCount": 5}, "poolInfo": {"poolId": "none"},
         "jobManagerTask": {"id": "JobManager", "commandLine": "true"}},
        "/jobs/managed",
        {
            "jobManagerTask": {
                "constraints": {"maxWallClockTime": FOREVER, "retentionTime": "P7D", "maxTaskRetryCount": 5},
                "requiredSlots": 1,
                "userIdentity": ANYBODY,
                "runExclusive": True,
                "allowLowPriorityNode": True,
                "killJobOnCompletion": True,
            }
        },
    ),
    "a schedule": (
        "/jobschedules",
        {"id": "daily", **DAILY, "jobSpecification": {"constraints": {"maxTaskRetryCount": 2},
                                                      "poolInfo": {"poolId": "none"}}},
        "/jobschedules/daily",
        {
            "state": "active",
            "schedule": {"startWindow": "PT1H", "recurrenceInterval": "P1D"},
            "jobSpecification": {
                "priority": 0,
                "usesTaskDependencies": False,
                "onAllTasksComplete": "noaction",
                "onTaskFailure": "noaction",
                "constraints": {"maxWallClockTime": FOREVER, "maxTaskRetryCount": 2},
            },
        },
    ),
    "a task that waits": (
        "/jobs/managed/tasks",
        {"id": "waits", "commandLine": "true"},
        "/jobs/managed/tasks/waits",
        {
            "state": "active",
            "previousState": None,
            "userIdentity": ANYBODY,
            "constraints": {"maxWallClockTime": FOREVER, "retentionTime": "P7D", "maxTaskRetryCount": 5},
            "requiredSlots": 1,
            "executionInfo": {"retryCount": 0, "requeueCount": 0, "startTime": None},
            "nodeInfo": None,
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def asked_for(asking: Asking) -> dict[str, int]:
    """Ask for all that `SHOWN` has, in its order; return the statuses."""
    return {name: asking("POST", f"{where}?{VERSION}", body)[0] for name, (where, body, _, _) in SHOWN.items()}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_left_out_is_filled_in_as_it_was_recorded(ask: Ask, asked_for: dict[str, int], name: str) -> None:
    _, _, path, expected = SHOWN[name]
    assert asked_for[name] == 201
    _, _, found = ask("GET", path)
    assert differences(expected, found) == []
    assert "hunter2" not in str(found)


def test_a_job_is_updated_by_whole_constraints(ask: Ask) -> None:
    body = {"id": "limits", "constraints": {"maxTaskRetryCount": 5}, "metadata": [{"name": "a", "value": "b"}],
            "poolInfo": {"poolId": "none"}}  # fmt: skip
    ask("POST", "/jobs", body)
    ask("PATCH", "/jobs/limits", {"constraints": {"maxWallClockTime": "P3Y6M4DT12H30M5S"}})
    changed = {"maxWallClockTime": "P1279DT12H30M5S", "maxTaskRetryCount": 0}
    assert differences({"constraints": changed, "metadata": ...}, ask("GET", "/jobs/limits")[2]) == []
    ask("PUT", "/jobs/limits", {"poolInfo": {"poolId": "none"}, "onAllTasksComplete": "noaction"})
    again = {"maxWallClockTime": FOREVER, "maxTaskRetryCount": 0}
    assert differences({"constraints": again, "metadata": None}, ask("GET", "/jobs/limits")[2]) == []


def test_a_node_tells_of_its_boot_when_it_has_booted(emulator: AzureEmulator, ask: Ask) -> None:
    ask("POST", "/pools", {**POOL, "id": "nodes", "targetDedicatedNodes": 1})
    wait_until(lambda: ask("GET", "/pools/nodes/nodes")[2]["value"])
    with emulator.account.engine.lock:  # as it is from its creation to its boot
        node = next(iter(emulator.account.pools["nodes"].nodes.values()))
        early = {"lastBootTime": None, "nodeAgentInfo": None} if node.state == "creating" else {}
        assert differences(early, node.body) == []
    wait_until(lambda: ask("GET", "/pools/nodes/nodes")[2]["value"][0]["state"] == "idle")
    found = ask("GET", "/pools/nodes/nodes")[2]["value"][0]
    image = {**IMAGE, "version": "latest", "exactVersion": "latest"}
    late = {"lastBootTime": ..., "nodeAgentInfo": {"version": ..., "lastUpdateTime": ...},
            "virtualMachineInfo": {"imageReference": image}, "totalTasksSucceeded": 0}  # fmt: skip
    assert differences(late, found) == []
    path = f"/pools/nodes/nodes/{found['id']}"
    status, headers, said = ask("POST", f"{path}/enablescheduling")
    assert (status, said["code"]) == (409, "NodeAlreadyInTargetSchedulingState")
    _, headers, said = ask("GET", f"{path}/remoteloginsettings")
    assert said["odata.metadata"].endswith("$metadata#Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings")
    assert headers["DataServiceId"] == f"{emulator.url}{path}/remoteloginsettings"
    tag = ask("GET", "/pools/nodes")[1]["ETag"]
    assert ask("POST", "/pools/nodes/removenodes", {"nodeList": [found["id"]]})[1]["ETag"] != tag


@pytest.mark.usefixtures("asked_for")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/jobs/own/taskcounts", "taskcountsresult/@Element"),
        ("/jobs/own/jobpreparationandreleasetaskstatus", "jobpreparationandreleasetaskstatuslist"),
        ("/jobs/managed/tasks/waits/subtasksinfo", "subtaskinfo"),
        ("/nodecounts", "poolnodecounts"),
        ("/jobschedules/daily/jobs", "jobs"),
    ],
)
def test_an_answer_names_its_kind_as_it_was_recorded(ask: Ask, path: str, kind: str) -> None:
    assert ask("GET", path)[2]["odata.metadata"].rpartition("#")[2] == kind


GALLERY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/gallery/G/images/I/versions/v"
OWN_IMAGE = {**MACHINE, "imageReference": {"virtualMachineImageId": GALLERY}}
REFUSED = [
    ("POST", "/pools", {**POOL, "id": "x", "virtualMachineConfiguration": OWN_IMAGE}, 400, "InvalidPropertyValue",
     "The value provided for one of the properties in the request body is invalid.",
     {"PropertyName": "virtualMachineImageId", "PropertyValue": GALLERY, "Reason": ...}),
    ("GET", "/pools/none", None, 404, "PoolNotFound", "The specified pool does not exist.", {}),
    ("POST", "/jobs", {"id": "there", "poolInfo": {"poolId": "none"}}, 409, "JobExists",
     "The specified job already exists.", {}),
    ("POST", "/jobschedules", {"id": "there", **DAILY, **WORK}, 409, "JobWithSameIdExists",
     "A job with the specified job schedule id exists. Job and job schedule cannot have the same id.", {}),
    ("GET", "/jobs/there/jobpreparationandreleasetaskstatus", None, 409, "JobPreparationTaskNotSpecified",
     "The specified job does not have job preparation task.", {}),
    ("GET", "/pools?$filter=metadata eq 'x'", None, 400, "InvalidQueryParameterValue",
     "Value for one of the query parameters specified in the request URI is invalid",
     {"QueryParameterName": "$filter", "Reason": "The property 'metadata' cannot be used in a filter of this list"}),
    ("GET", "/pools?$filter=startswith(state,'a')", None, 400, "InvalidQueryParameterValue",
     "Value for one of the query parameters specified in the request URI is invalid",
     {"QueryParameterName": "$filter", "Reason": "The property 'state' cannot be compared by 'startswith'"}),
]  # fmt: skip


@pytest.mark.parametrize("recorded", REFUSED, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_refusal_is_worded_as_it_was_recorded(ask: Ask, asking: Asking, recorded: tuple[Any, ...]) -> None:
    verb, path, body, status, code, message, values = recorded
    ask("POST", "/jobs", {"id": "there", "poolInfo": {"poolId": "none"}})
    answered, headers, said = ask(verb, path, body)
    assert (answered, said["code"], asking.reason) == (status, code, message)
    identity, time = headers["request-id"], said["message"]["value"].rpartition("Time:")[2]
    assert said["message"] == {"lang": "en-US", "value": f"{message}\nRequestId:{identity}\nTime:{time}"}
    assert differences(values, {one["key"]: one["value"] for one in said.get("values", [])}) == []


def test_who_does_not_say_who_he_is_lacks_a_header(azure: AzureEmulator) -> None:
    status, _, said = Asking(azure)("GET", f"/pools?{VERSION}")
    assert isinstance(said, dict)
    assert (status, said["code"], said["values"]) == (
        400, "MissingRequiredHeader", [{"key": "HeaderName", "value": "Authorization"}]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "written"),
    [("PT06M00S", "PT6M"), ("P3Y6M4DT12H30M5S", "P1279DT12H30M5S"), ("PT24H", "P1D"), ("PT90M", "PT1H30M"),
     ("PT0S", "PT0S"), ("PT7M9.4970S", "PT7M9.497S"), (FOREVER, FOREVER), ("none", "none")],
)  # fmt: skip
def test_durations_are_written_as_they_were_recorded(given: str, written: str) -> None:
    assert duration(given) == written


@pytest.mark.parametrize(("when", "written"), [(1.5, "1970-01-01T00:00:01.5Z"), (2.0, "1970-01-01T00:00:02Z")])
def test_times_end_with_no_zero(when: float, written: str) -> None:
    assert iso(when) == written
