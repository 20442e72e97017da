"""Requests that clients of Microsoft's do not send, but people and other clients do, and what Azure says to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from services.azure_asking import Asking

from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import wait_until

VERSION = "api-version=2025-06-01"
RESOURCES = "/subscriptions/s/resourceGroups/g/providers"
POOL = {"id": "p", "vmSize": "x", "virtualMachineConfiguration": {"imageReference": {}, "nodeAgentSKUId": "a"}}


@pytest.fixture(scope="module")
def emulator() -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(check_credentials=False)) as emulator:
        yield emulator


@pytest.fixture
def ask(emulator: AzureEmulator) -> Asking:
    return Asking(emulator)


@pytest.fixture
def job(ask: Asking) -> str:
    name = f"job-{uuid.uuid4().hex[:8]}"
    assert ask("POST", f"/jobs?{VERSION}", {"id": name, "poolInfo": {"poolId": "p"}})[0] == 201
    return name


INVALID = "InvalidQueryParameterValue"


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("GET", "/jobs", 400, "MissingRequiredQueryParameter"),
        ("GET", "/jobs?api-version=7", 400, "UnsupportedRequestVersion"),
        ("PUT", f"/jobs?{VERSION}", 405, "UnsupportedHttpVerb"),
        ("GET", f"/jobs/x/what?{VERSION}", 400, "InvalidRequestUri"),
        ("GET", f"/jobs?{VERSION}&maxresults=0", 400, "OutOfRangeInput"),
        ("GET", f"/jobs?{VERSION}&$top=1", 400, "UnsupportedQueryParameter"),
        ("GET", f"/jobs?{VERSION}&maxresults=x", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&timeout=x", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$skiptoken=xyz", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$skiptoken=WATV2:%FF", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$select=id,color", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$filter=color eq 'red'", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$filter=endswith(id,'x')", 400, INVALID),
        ("GET", f"/jobs?{VERSION}&$expand=tasks", 400, INVALID),
        ("GET", f"{RESOURCES}/Microsoft.Batch/batchAccounts/x", 400, "MissingApiVersionParameter"),
        ("GET", f"{RESOURCES}/Microsoft.Batch/batchAccounts/x?api-version=", 400, "MissingApiVersionParameter"),
        ("GET", f"{RESOURCES}/Microsoft.Batch/batchAccounts/x?api-version=7", 400, "InvalidApiVersionParameter"),
        ("GET", f"{RESOURCES}/Microsoft.Colors/red/x?api-version=2024-07-01", 404, "InvalidResourceType"),
    ],
)
def test_what_azure_does_not_know_is_refused(ask: Asking, verb: str, path: str, status: int, code: str) -> None:
    assert ask.refused(verb, path) == (status, code)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"null", b"\xff\xfe"])
def test_a_body_that_is_no_json_is_refused(ask: Asking, body: bytes) -> None:
    assert ask.refused("POST", f"/jobs?{VERSION}", body) == (400, "InvalidRequestBody")


def test_times_in_filters_are_written_as_microsoft_writes_them(ask: Asking, job: str) -> None:
    times = "creationTime gt DateTime'2011-05-08T08:49:37Z' and creationTime lt datetime'2999-01-01T00:00:00Z'"
    status, _, found = ask("GET", f"/jobs?{VERSION}&$select=id&$filter=id eq '{job}' and {times}")
    assert isinstance(found, dict)
    assert (status, found["value"]) == (200, [{"id": job}])


def test_who_reads_under_a_condition_is_told_that_nothing_changed(ask: Asking, job: str) -> None:
    path = f"/jobs/{job}?{VERSION}"
    _, headers, _ = ask("GET", path)
    tag, modified = headers["ETag"], format_datetime(parsedate_to_datetime(headers["Last-Modified"]), usegmt=True)
    earlier, later = "Mon, 01 Jan 2001 00:00:00 GMT", "Tue, 01 Jan 2999 00:00:00 GMT"
    assert ask.refused("GET", path, If_None_Match=tag) == (304, None)
    assert ask.refused("GET", path, If_Modified_Since=later) == (304, None)
    assert ask("GET", path, If_None_Match="0x1", If_Modified_Since=later)[0] == 200  # of the two, the tag counts
    assert ask("GET", path, If_Unmodified_Since=modified)[0] == 200
    for condition in ({"If_Match": "0x1"}, {"If_Unmodified_Since": earlier}):
        assert ask.refused("GET", path, **condition) == (412, "ConditionNotMet")
    assert ask.refused("DELETE", path, If_None_Match=tag) == (412, "ConditionNotMet")
    assert ask.refused("GET", path, If_Match=tag, If_None_Match="0x1") == (400, "MultipleConditionHeadersNotSupported")
    assert ask.refused("GET", path, If_Modified_Since="yesterday") == (400, "InvalidHeaderValue")


def test_what_is_being_deleted_cannot_be_made_anew(ask: Asking, job: str, emulator: AzureEmulator) -> None:
    account = emulator.account
    assert ask("POST", f"/pools?{VERSION}", POOL)[0] == 201
    with account.engine.lock:  # it is deleted, and not yet gone
        account.jobs[job].enter("deleting")
        account.pools["p"].enter("deleting")
    assert ask.refused("POST", f"/jobs?{VERSION}", {"id": job, "poolInfo": {"poolId": "p"}}) == (409, "JobBeingDeleted")
    assert ask.refused("POST", f"/pools?{VERSION}", POOL) == (409, "PoolBeingDeleted")


def test_resources_need_what_the_resource_manager_looks_at(ask: Asking) -> None:
    accounts, version = f"{RESOURCES}/Microsoft.Batch/batchAccounts", "api-version=2024-07-01"
    assert ask.refused("PUT", f"{accounts}/mine?{version}", {"tags": {}}) == (400, "LocationRequired")
    pool = {"properties": {"vmSize": "x"}}
    assert ask.refused("PUT", f"{accounts}/none/pools/p?{version}", pool) == (404, "ParentResourceNotFound")
    assert ask.refused("POST", f"{accounts}/none/listKeys?{version}") == (404, "ResourceNotFound")
    logs = f"{RESOURCES}/Microsoft.ContainerInstance/containerGroups/x/containers/c/logs"
    assert ask.refused("GET", f"{logs}?api-version=2023-05-01&tail=x") == (400, INVALID)


def test_an_operation_is_followed_by_either_of_its_headers(ask: Asking) -> None:
    cluster, version = f"{RESOURCES}/Microsoft.ContainerService/managedClusters/followed", "api-version=2024-09-01"
    asked = {"location": "westus", "properties": {"dnsPrefix": "x", "agentPoolProfiles": [{"name": "p", "count": 1}]}}
    assert ask("PUT", f"{cluster}?{version}", asked)[0] == 201
    status, headers, _ = ask("DELETE", f"{cluster}?{version}")
    assert status == 202
    assert headers["Location"].startswith("http://")
    assert ask.followed(headers["Location"])[0] == 200
    polled = headers["Azure-AsyncOperation"]
    wait_until(lambda: ask("GET", polled)[2]["status"] == "Succeeded")
    assert ask.refused("GET", f"{cluster}?{version}") == (404, "ResourceNotFound")
