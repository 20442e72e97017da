"""The resource manager as it answered Microsoft's own clients while somebody recorded it (2020 to 2025).

The recordings are those of azure-sdk-for-python, azure-sdk-for-net and azure-cli. What was seen is written down here,
not copied. What HEAD is answered with was told by many who met it (Azure/azure-sdk-for-python, issue 29922).
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from services.azure_asking import Asking, differences
from services.docker_engine import DockerEngine

from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.jobs import wait_until

GROUP = "/subscriptions/s/resourceGroups/g"
ACCOUNTS = f"{GROUP}/providers/Microsoft.Batch/batchAccounts"
GROUPS = f"{GROUP}/providers/Microsoft.ContainerInstance/containerGroups"
CLUSTERS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters"
BATCH, ACI, AKS = (f"api-version={one}" for one in ("2024-07-01", "2023-05-01", "2024-09-01"))
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def ask(emulator: AzureEmulator) -> Asking:
    return Asking(emulator)


@pytest.fixture(scope="module")
def account(ask: Asking) -> str:
    """An account that is there."""
    path = f"{ACCOUNTS}/here"
    ask.followed(ask("PUT", f"{path}?{BATCH}", {"location": "westus"})[1]["Location"])
    return path


def test_every_answer_has_the_resource_managers_headers(ask: Asking, account: str) -> None:
    for verb, kind in (("GET", "reads"), ("PATCH", "writes")):
        _, headers, _ = ask(verb, f"{account}?{BATCH}", None if verb == "GET" else {})
        expected = {
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "Expires": "-1",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "Content-Type": "application/json; charset=utf-8",
            f"x-ms-ratelimit-remaining-subscription-{kind}": ...,
            "x-ms-request-id": headers["x-ms-correlation-request-id"],
        }
        assert differences(expected, dict(headers)) == []
        assert re.fullmatch(rf"WESTUS:\d{{8}}T\d{{6}}Z:{GUID}", headers["x-ms-routing-request-id"])
    assert ask("GET", f"{account}?{BATCH}", x_ms_correlation_request_id="mine")[1]["x-ms-request-id"] == "mine"


def test_an_account_is_made_at_one_place_that_shows_it_in_the_end(emulator: AzureEmulator, ask: Asking) -> None:
    path = f"{ACCOUNTS}/made"
    status, headers, said = ask("PUT", f"{path}?{BATCH}", {"location": "westus"})
    assert (status, said, headers["Azure-AsyncOperation"]) == (202, None, None)
    assert re.fullmatch(rf"{emulator.url}{path}/operationResults/{GUID}\?{BATCH}", headers["Location"])
    status, headers, said = ask.followed(headers["Location"])
    assert (status, said["properties"]["provisioningState"]) == (200, "Succeeded")
    assert re.fullmatch(r'"0x[0-9A-F]{15}"', headers["ETag"])
    again = ask("GET", f"{path}?{BATCH}")
    assert (again[1]["ETag"], again[2]) == (headers["ETag"], said)
    expected = {
        "id": path,
        "name": "made",
        "type": "Microsoft.Batch/batchAccounts",
        "properties": {
            "accountEndpoint": "made.westus.batch.azure.com",
            "nodeManagementEndpoint": ...,
            "poolAllocationMode": "BatchService",
            "publicNetworkAccess": "Enabled",
            "privateEndpointConnections": [],
            "encryption": {"keySource": "Microsoft.Batch"},
            "allowedAuthenticationModes": ["SharedKey", "AAD", "TaskAuthenticationToken"],
        },
        "identity": {"type": "None"},
    }
    assert differences(expected, said) == []
    status, headers, said = ask("DELETE", f"{path}?{BATCH}")
    assert (status, said, headers["Azure-AsyncOperation"]) == (202, None, None)
    assert ask.followed(headers["Location"])[::2] == (200, None)
    status, headers, said = ask("GET", f"{path}?{BATCH}")
    words = (
        "The Resource 'Microsoft.Batch/batchAccounts/made' under resource group 'g' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    assert (status, said) == (404, {"error": {"code": "ResourceNotFound", "message": words}})
    assert headers["x-ms-failure-cause"] == "gateway"


FIXED = {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"}


def test_a_pool_is_tagged_and_scales(emulator: AzureEmulator, ask: Asking, account: str) -> None:
    path = f"{account}/pools/p"
    asked = {
        "vmSize": "Standard_A1",
        "userAccounts": [{"name": "u", "password": "hunter2"}],
        "startTask": {"commandLine": "true", "userIdentity": {"autoUser": {"elevationLevel": "Admin"}}},
    }
    status, headers, made = ask("PUT", f"{path}?{BATCH}", {"properties": asked})
    expected = {
        "type": "Microsoft.Batch/batchAccounts/pools",
        "etag": headers["ETag"],
        "properties": {
            "provisioningState": "Succeeded",
            "provisioningStateTransitionTime": made["properties"]["creationTime"],
            "allocationState": "Resizing",
            "vmSize": "STANDARD_A1",
            "interNodeCommunication": "Disabled",
            "taskSlotsPerNode": 1,
            "taskSchedulingPolicy": {"nodeFillType": "Spread"},
            "scaleSettings": {"fixedScale": FIXED},
            "startTask": {
                "userIdentity": {"autoUser": {"scope": "Pool", "elevationLevel": "Admin"}},
                "maxTaskRetryCount": 0,
                "waitForSuccess": True,
            },
            "userAccounts": [{"name": "u", "elevationLevel": "NonAdmin", "password": None}],
            "resizeOperationStatus": {"targetDedicatedNodes": 0, "nodeDeallocationOption": "Requeue"},
            "currentDedicatedNodes": 0,
            "currentLowPriorityNodes": 0,
        },
    }
    assert status == 200
    assert re.fullmatch(r'W/"0x[0-9A-F]{15}"', headers["ETag"])
    assert differences(expected, made) == []
    body = {"properties": {"scaleSettings": {"autoScale": {"formula": "$TargetDedicatedNodes=0"}}}}
    old = ask("PATCH", f"{path}?{BATCH}", body, If_Match='W/"0x1"')
    assert (old[0], old[2]["error"]["code"]) == (412, "ConditionNotMet")
    status, changed, said = ask("PATCH", f"{path}?{BATCH}", body, If_Match=headers["ETag"])
    scaling = {"formula": "$TargetDedicatedNodes=0", "evaluationInterval": "PT15M"}
    expected = {"allocationState": "Resizing", "scaleSettings": {"autoScale": scaling}, "resizeOperationStatus": None}
    assert (status, differences(expected, said["properties"])) == (200, [])
    assert changed["ETag"] not in {None, headers["ETag"]}
    wait_until(lambda: ask("GET", f"{path}?{BATCH}")[2]["properties"]["allocationState"] == "Steady")
    assert ask("GET", f"{path}?{BATCH}")[1]["ETag"] == changed["ETag"]
    [listed] = ask("GET", f"{account}/pools?{BATCH}")[2]["value"]
    assert listed["etag"] == changed["ETag"]
    said = ask("POST", f"{path}/disableAutoScale?{BATCH}")[2]
    assert said["properties"]["scaleSettings"] == {"fixedScale": FIXED}
    assert ask("PUT", f"{path}?{BATCH}", {"properties": asked}, If_None_Match="*")[0] == 412
    status, headers, said = ask("DELETE", f"{path}?{BATCH}")
    assert (status, said, headers["Azure-AsyncOperation"]) == (202, None, None)
    assert headers["Location"] == f"{emulator.url}{account}/poolOperationResults/delete-p?{BATCH}"
    assert ask.followed(headers["Location"])[::2] == (200, None)
    assert ask("GET", f"{path}?{BATCH}")[0] == 404


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("randombatchaccount@5^$g9873495873",
         {"nameAvailable": False, "reason": "Invalid",
          "message": "Account name must be at least 3 characters and at most 24 characters."}),
        ("batch3822745", {"nameAvailable": True}),
        ("here", {"nameAvailable": False, "reason": "AlreadyExists", "message": ...}),
    ],
)  # fmt: skip
def test_a_name_is_free_or_not(ask: Asking, account: str, name: str, expected: dict[str, Any]) -> None:
    del account
    path = f"/subscriptions/s/providers/Microsoft.Batch/locations/westus/checkNameAvailability?{BATCH}"
    status, _, said = ask("POST", path, {"name": name, "type": "Microsoft.Batch/batchAccounts"})
    assert (status, differences(expected, said), len(said)) == (200, [], len(expected))


CONTAINER = {
    "image": "none/such:1",
    "environmentVariables": [{"name": "S", "secureValue": "hunter2"}],
    "resources": {"requests": {"cpu": 1, "memoryInGB": 1.5}},
}
ASKED = {
    "location": "westus",
    "properties": {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [{"name": "c", "properties": CONTAINER}],
        "initContainers": [{"name": "i", "properties": {"image": "none/such:1",
                                                        "environmentVariables": CONTAINER["environmentVariables"]}}],
        "ipAddress": {"type": "Public", "ports": [{"port": 80}], "dnsNameLabel": "n"},
        "volumes": [{"name": "v", "azureFile": {"shareName": "s", "storageAccountName": "a",
                                                "storageAccountKey": "hunter2"}},
                    {"name": "w", "secret": {"file": "aHVudGVyMg=="}}],
        "diagnostics": {"logAnalytics": {"workspaceId": "w", "workspaceKey": "hunter2"}},
    },
}  # fmt: skip


def test_a_container_group_is_shown_and_followed_as_it_was_recorded(ask: Asking) -> None:
    path = f"{GROUPS}/n-{uuid.uuid4().hex[:8]}"
    status, headers, made = ask("PUT", f"{path}?{ACI}", ASKED)
    quiet = {"environmentVariables": [{"name": "S", "secureValue": None}], "instanceView": None}
    expected = {
        "properties": {
            "sku": "Standard",
            "provisioningState": "Pending",
            "provisioningTimeoutInSeconds": 1800,
            "isCustomProvisioningTimeout": False,
            "containers": [
                {"name": "c", "properties": {**quiet, "resources": {"requests": {"memoryInGB": 1.5, "cpu": 1.0}}}}
            ],
            "initContainers": [{"name": "i", "properties": quiet}],
            "ipAddress": {"autoGeneratedDomainNameLabelScope": "Unsecure", "fqdn": "n.westus.azurecontainer.io"},
            "instanceView": {"events": [], "state": "Pending"},
            "volumes": [
                {"azureFile": {"shareName": "s", "storageAccountName": "a", "storageAccountKey": None}},
                {"secret": {}},
            ],
            "diagnostics": {"logAnalytics": {"workspaceId": "w", "workspaceKey": None}},
        },
        "id": path,
        "type": "Microsoft.ContainerInstance/containerGroups",
        "location": "westus",
        "tags": {},
    }
    assert (status, differences(expected, made), headers["Location"]) == (201, [], None)
    assert re.fullmatch(rf"westus:{GUID}", headers["x-ms-request-id"])
    assert "hunter2" not in str(made)
    assert "aHVudGVyMg" not in str(made)
    polled = headers["Azure-AsyncOperation"]
    assert polled.endswith("?api-version=2018-06-01")
    asked = ask("GET", polled)[2]
    assert list(asked)[:3] == ["id", "status", "startTime"]
    assert differences({"id": path, "properties": {"events": []}, "name": None, "endTime": None}, asked) == []
    status, _, gone = ask("DELETE", f"{path}?{ACI}")
    assert (status, gone["id"]) == (200, path)


def test_a_kubernetes_cluster_has_a_spelling_of_its_own(ask: Asking) -> None:
    asked = {"dnsPrefix": "x", "kubernetesVersion": "1.30", "agentPoolProfiles": [{"name": "p", "mode": "System"}]}
    status, headers, made = ask("PUT", f"{CLUSTERS}/k?{AKS}", {"location": "westus2", "properties": asked})
    pool = {"name": "p", "mode": "System", "powerState": {"code": "Running"}, "orchestratorVersion": "1.30"}
    expected = {
        "id": f"{CLUSTERS}/k".replace("/resourceGroups/", "/resourcegroups/"),
        "type": "Microsoft.ContainerService/ManagedClusters",
        "properties": {
            "provisioningState": "Creating",
            "powerState": {"code": "Running"},
            "kubernetesVersion": "1.30",
            "currentKubernetesVersion": "1.30",
            "agentPoolProfiles": [pool],
            "nodeResourceGroup": "MC_g_k_westus2",
        },
        "sku": {"name": "Base", "tier": "Free"},
    }
    assert (status, differences(expected, made)) == (201, [])
    assert (headers["Content-Type"], headers["Server"], headers["Location"]) == ("application/json", "nginx", None)
    assert headers["Azure-AsyncOperation"].endswith("?api-version=2016-03-30")
    status, headers, _ = ask("DELETE", f"{CLUSTERS}/k?{AKS}")
    place = headers["Azure-AsyncOperation"].replace("/operations/", "/operationresults/")
    assert (status, headers["Location"]) == (202, place)


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("HEAD", f"{ACCOUNTS}/here?{BATCH}", 405),
        ("HEAD", f"{ACCOUNTS}/none?{BATCH}", 404),
        ("HEAD", f"{ACCOUNTS}/here/pools/none?{BATCH}", 404),
        ("HEAD", f"{GROUPS}/none?{ACI}", 404),
        ("HEAD", f"{CLUSTERS}/none?{AKS}", 404),
        ("HEAD", f"{GROUP}?api-version=2021-04-01", 204),
        ("POST", f"{ACCOUNTS}/here?{BATCH}", 405),
        ("PUT", f"{GROUPS}?{ACI}", 405),
        ("DELETE", "/subscriptions/s?api-version=2021-04-01", 405),
        ("GET", f"{GROUP}/providers/Microsoft.Colors/red/x?{BATCH}", 404),
    ],
)
def test_a_verb_that_a_resource_does_not_have(ask: Asking, account: str, verb: str, path: str, status: int) -> None:
    del account
    answered, headers, said = ask(verb, path)
    assert answered == status
    if verb == "HEAD":
        assert said is None
        assert headers["x-ms-failure-cause"] == ("gateway" if status == 404 else None)


@pytest.mark.parametrize(
    ("token", "code", "message"),
    [
        (None, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
        ("Bearer x", "InvalidAuthenticationToken", "The access token is invalid."),
    ],
)
def test_who_has_no_token_learns_where_there_is_one(
    azure: AzureEmulator, token: str | None, code: str, message: str
) -> None:
    headers = {} if token is None else {"Authorization": token}
    status, answered, said = Asking(azure)("GET", f"/subscriptions/{azure.settings.subscription}", **headers)
    assert (status, said) == (401, {"error": {"code": code, "message": message}})
    where = f'Bearer authorization_uri="{azure.url}/{azure.settings.tenant}", error="invalid_token", error_description='
    assert answered["WWW-Authenticate"].startswith(where)


def test_containers_that_run_before_others_are_told_of(ask: Asking, emulators_engine: DockerEngine) -> None:
    path, size = f"{GROUPS}/n-{uuid.uuid4().hex[:8]}", {"requests": {"cpu": 1, "memoryInGB": 0.5}}
    shared = {"image": emulators_engine.image, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    first = {**shared, "command": ["/bin/sh", "-c", "echo before > /v/said"]}
    then = {**shared, "command": ["/bin/sh", "-c", "cat /v/said"], "resources": size}
    properties = {
        "osType": "Linux",
        "restartPolicy": "Never",
        "volumes": [{"name": "v", "emptyDir": {}}],
        "initContainers": [{"name": "i", "properties": first}],
        "containers": [{"name": "c", "properties": then}],
    }
    assert ask("PUT", f"{path}?{ACI}", {"location": "westus", "properties": properties})[0] == 201

    def shown() -> Any:
        return ask("GET", f"{path}?{ACI}")[2]["properties"]

    wait_until(lambda: shown()["instanceView"]["state"] in {"Succeeded", "Failed"})
    found = shown()
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    for one in (*found["initContainers"], *found["containers"]):
        state = one["properties"]["instanceView"]["currentState"]
        assert differences({"state": "Terminated", "exitCode": 0, "detailStatus": "Completed"}, state) == []
        assert time.fullmatch(state["startTime"])
        assert time.fullmatch(state["finishTime"])
        events = one["properties"]["instanceView"]["events"]
        assert [event["name"] for event in events] == ["Pulling", "Pulled", "Created", "Started"]
        assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", event["firstTimestamp"]) for event in events)
    assert ask("GET", f"{path}/containers/c/logs?{ACI}")[2] == {"content": "before\n"}
    assert ask("DELETE", f"{path}?{ACI}")[0] == 200
