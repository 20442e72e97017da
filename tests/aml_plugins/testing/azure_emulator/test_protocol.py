"""Errors, conditions, pages, signatures, faults: what clients meet besides success."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from aml_plugins.errors import InvalidInputError
from aml_plugins.testing.azure_emulator import AzureEmulator, Fault, Settings


def test_an_error_has_the_services_shape_and_reason_phrase(account, refused):
    job = account.job()
    error = refused("JobExists", 409, lambda: account.client.create_job({"id": job, "poolInfo": {"poolId": "p"}}))
    assert error.reason == "The specified job already exists."
    said = json.loads(error.response.text())
    assert list(said) == ["odata.metadata", "code", "message"]
    assert re.fullmatch(
        r"The specified job already exists\.\nRequestId:[0-9a-f-]{36}\nTime:\S+Z", said["message"]["value"]
    )


@pytest.mark.parametrize(
    ("code", "status", "call"),
    [
        ("PoolNotFound", 404, lambda client, _: client.get_pool("none")),
        ("JobNotFound", 404, lambda client, _: client.get_job("none")),
        ("TaskNotFound", 404, lambda client, job: client.get_task(job, "none")),
        ("InvalidPropertyValue", 400, lambda client, _: client.create_job({"id": "a b", "poolInfo": {"poolId": "p"}})),
        ("MissingRequiredProperty", 400, lambda client, _: client.create_job({"id": "x"})),
        ("InvalidPropertyValue", 400, lambda client, job: client.create_task(job, {"id": "x", "commandLine": 1})),
        ("InvalidQueryParameterValue", 400, lambda client, _: list(client.list_jobs(filter="what is this"))),
        (
            "TaskDependenciesNotSpecifiedOnJob",
            400,
            lambda client, job: client.create_task(
                job, {"id": "x", "commandLine": "x", "dependsOn": {"taskIds": ["y"]}}
            ),
        ),
    ],
)
def test_what_is_wrong_is_refused_with_batchs_code(account, refused, code, status, call):
    job = account.job()
    before = len(account.emulator.violations)
    refused(code, status, lambda: call(account.client, job))
    with account.emulator.application.record.lock:  # these requests are wrong on purpose
        del account.emulator.application.record.violations[before:]


def test_a_completed_job_takes_no_tasks(account, refused):
    job = account.job()
    account.client.begin_terminate_job(job, {"terminateReason": "mine"}, polling_interval=0.05).result()
    assert account.client.get_job(job).execution_info.termination_reason == "mine"
    refused("JobCompleted", 409, lambda: account.add(job, "true"))


def test_an_old_entity_tag_is_refused(account):
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError

    job = account.job()
    tag = account.client.get_job(job).as_dict()["eTag"]
    assert re.fullmatch(r"0x[0-9A-F]{15}", tag)
    condition = {"etag": tag, "match_condition": MatchConditions.IfNotModified}
    account.client.update_job(job, {"priority": 5}, **condition)
    with pytest.raises(ResourceModifiedError) as raised:
        account.client.update_job(job, {"priority": 6}, **condition)
    assert raised.value.status_code == 412
    assert account.client.get_job(job).priority == 5


def test_lists_come_in_pages_and_can_be_filtered(account):
    job = account.job()
    names = [f"task-{number:03}" for number in range(7)]
    tasks = [{"id": name, "commandLine": "true"} for name in names]
    account.client.create_tasks(job, tasks)
    before = len(account.emulator.calls)
    found = list(account.client.list_tasks(job, max_results=3, select=["id"]))
    assert [task.id for task in found] == names
    assert len(account.emulator.calls) - before == 3
    assert list(found[0].as_dict()) == ["id"]
    some = account.client.list_tasks(job, filter="startswith(id,'task-00') and (id eq 'TASK-001' or id gt 'task-005')")
    assert [task.id for task in some] == ["task-001", "task-006"]


def test_a_collection_tells_of_each_task(account):
    from azure.batch.models import BatchTaskGroup

    job = account.job()
    account.add(job, "true", "there")
    group = BatchTaskGroup({"value": [{"id": "there", "commandLine": "true"}, {"id": "new", "commandLine": "true"}]})
    answered = account.client.create_task_collection(job, group)
    assert [(one.task_id, str(one.status).lower()) for one in answered.result_values] == [
        ("there", "clienterror"),
        ("new", "success"),
    ]
    assert answered.result_values[0].error.code == "TaskExists"


def test_files_are_read_by_range(account, refused):
    job = account.job()
    account.run(job, "printf 0123456789")
    assert account.text(job, ocp_range="bytes=2-4") == "234"
    facts = account.client.get_task_file_properties(job, "t", "stdout.txt")
    assert (facts.content_length, facts.is_directory, facts.file_mode[:3]) == (10, False, "0o1")
    assert {file.name for file in account.client.list_task_files(job, "t")} == {
        "certs",
        "stderr.txt",
        "stdout.txt",
        "wd",
    }


def test_a_wrong_key_is_refused(azure):
    from azure.batch import BatchClient
    from azure.core.exceptions import HttpResponseError

    wrong = AzureNamedKeyCredential(azure.settings.account, "d3Jvbmc=")
    with BatchClient(azure.batch_url, wrong, retry_total=0) as client, pytest.raises(HttpResponseError) as raised:
        list(client.list_pools())
    assert raised.value.error.code == "AuthenticationFailed"


def test_a_token_of_the_login_endpoint_is_taken_over_https(azure):
    from azure.batch import BatchClient
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(
        azure.settings.tenant,
        "id",
        "secret",
        authority=azure.https_url.removeprefix("https://"),
        disable_instance_discovery=True,
        connection_verify=str(azure.certificate),
    )
    with BatchClient(azure.https_url, credential, connection_verify=str(azure.certificate)) as client:
        assert list(client.list_supported_images())


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("busy", 503), ("error", 500)])
def test_a_fault_is_answered_so_often_and_no_more(account, kind, status):
    from azure.core.exceptions import HttpResponseError

    job = account.job()
    account.emulator.faults.add(kind, verb="GET", path=job, count=2, seconds=7)
    for _ in range(2):
        with pytest.raises(HttpResponseError) as raised:
            account.client.get_job(job)
        assert raised.value.status_code == status
        assert raised.value.response.headers.get("Retry-After") == (None if kind == "error" else "7")
    assert account.client.get_job(job).id == job


def test_a_lost_answer_has_had_its_effect(account):
    from azure.core.exceptions import ServiceResponseError

    job = account.job()
    account.emulator.faults.add("drop", verb="POST", path=job)
    with pytest.raises(ServiceResponseError):
        account.add(job, "true")
    assert account.client.get_task(job, "t").id == "t"


def test_a_request_that_is_delivered_twice_finds_its_own_work(account, refused):
    job = account.job()
    account.emulator.faults.add("repeat", verb="POST", path=job)
    refused("TaskExists", 409, lambda: account.add(job, "true"))


def test_faults_are_given_and_taken_over_http(azure):
    def ask(verb: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{azure.url}/_emulator/faults", data, method=verb)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    assert ask("POST", {"kind": "busy", "path": "/nothing", "count": 3})["faults"][-1]["kind"] == "busy"
    assert ask("DELETE") == {"faults": []}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask("POST", {"kind": "plague"})


def test_web_pages_are_not_answered(azure):
    request = urllib.request.Request(
        f"{azure.url}/pools?api-version=2025-06-01", headers={"Origin": "http://evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def test_recorded_traffic_needs_no_signature():
    with AzureEmulator(Settings(check_credentials=False, spelling="specification")) as emulator:
        answer = urllib.request.urlopen(f"{emulator.url}/pools?api-version=2024-07-01.20.0")
        with answer:
            assert answer.headers["Content-Type"] == "application/json;odata=minimalmetadata"
            metadata = f"{emulator.url}/$metadata#pools"
            assert answer.read().decode() == f'{{\r\n  "odata.metadata":"{metadata}","value":[\r\n    \r\n  ]\r\n}}'


@pytest.mark.parametrize("text", ["plague", "busy,when=now", "busy,count=many"])
def test_a_fault_that_is_none_is_refused(text):
    with pytest.raises(InvalidInputError):
        Fault.parse(text)


def test_a_fault_is_written_in_one_line():
    assert Fault.parse("throttle,verb=POST,path=/jobs,count=-1,seconds=0.5") == Fault(
        "throttle", "POST", "/jobs", -1, 0.5
    )
