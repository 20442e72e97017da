"""What is particular to container groups: plans, words, few calls. Nothing here needs a container engine."""

from __future__ import annotations

import uuid

import pytest
from services.azure import blob_datastore, identity, make_target

from aml_backends.aci.backend import AciBackend
from aml_backends.aci.config import AciConfig
from aml_backends.aci.plan import group_body
from aml_backends.aci.states import status_of
from aml_plugins.compute import JobSpec, JobState, JobStatus
from aml_plugins.compute.turns import QUESTIONS
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import clean_up, make_job

RUNNING = JobStatus(state=JobState.RUNNING, native_state="Running")
KEY = "aml-00000000000000000000000000000000-1"


@pytest.fixture
def key():
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def make_backend(azure, azure_identity, azurite, tmp_path):
    made = []

    def make(**config):
        settings = {
            "subscription": azure.settings.subscription,
            "resource_group": f"group-{uuid.uuid4().hex[:8]}",
            "endpoint": azure.https_url,
            "authority": azure.https_url,
            "image": "none/such:1",
            **config,
        }
        made.append(AciBackend(make_target(AciBackend, tmp_path, blob_datastore(azurite), "pw", **settings)))
        return made[-1]

    yield make
    for backend in made:
        for handle in backend.list_jobs():
            clean_up(backend, handle)
        backend.close()


@pytest.fixture
def submitted(make_backend, key, tmp_path):
    backend = make_backend()
    return backend, backend.submit(make_job(tmp_path, key, "pass"), key)


def spec(**values):
    given = {"workspace": "team", "run_id": "0" * 32, "attempt": 1, "bundle": {}, "display": {"experiment": "iris"}}
    return JobSpec(**(given | values))


def test_a_plan_is_the_request(make_backend):
    backend = make_backend(registry_server="r.example", registry_username="u", registry_password="secret://env/P")
    planned = backend.plan(
        spec(environment_variables={"TOKEN": "hunter2"}, resources={"cpu": 2, "memory": "4Gi", "gpu": 1}), KEY
    ).request
    container = planned["properties"]["containers"][0]["properties"]
    assert container["image"] == "none/such:1"
    assert container["command"][:6] == ["python3", "-I", "-S", "-X", "utf8", "-c"]
    assert container["environmentVariables"] == [
        {"name": "AML_JOB_KEY", "value": KEY},
        {"name": "AML_COURIER", "secureValue": "***"},
        {"name": "TOKEN", "secureValue": "***"},
    ]
    assert container["resources"]["requests"] == {"cpu": 2.0, "memoryInGB": 4.0, "gpu": {"count": 1, "sku": "V100"}}
    assert planned["properties"]["restartPolicy"] == "Never"
    assert planned["properties"]["imageRegistryCredentials"] == [
        {"server": "r.example", "username": "u", "password": "***"}
    ]
    assert planned["tags"] == {"aml-workspace": "team", "aml-target": "cloud", "aml-experiment": "iris"}


def test_a_runs_own_image_and_registry_win(make_backend):
    environment = {"kind": "docker", "image": "own:1", "registry": {"address": "own.example", "username": "me"}}
    properties = make_backend().plan(spec(environment=environment), KEY).request["properties"]
    assert properties["containers"][0]["properties"]["image"] == "own:1"
    assert properties["imageRegistryCredentials"][0]["server"] == "own.example"


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"node_count": 2}, "one container"),
        ({"spark": {}}, "Spark"),
        ({"environment": {"kind": "docker", "dockerfile": "FROM x"}}, "builds no images"),
    ],
)
def test_what_a_group_cannot_do_is_refused_when_planned(make_backend, values, what):
    with pytest.raises(InvalidInputError, match=what):
        make_backend().plan(spec(**values), KEY)


@pytest.mark.parametrize(("cores", "is_waited_for"), [(5000, False), (60, True)])
def test_a_quota_that_others_use_is_waited_for_and_one_that_is_too_small_is_not(
    make_backend, key, tmp_path, cores, is_waited_for
):
    from dataclasses import replace

    backend, other = make_backend(), f"{key[:-1]}2"
    backend.submit(replace(make_job(tmp_path, other, "pass"), resources={"cpu": 60}), other)
    with pytest.raises(BackendError, match="quota") as raised:
        backend.submit(replace(make_job(tmp_path, key, "pass"), resources={"cpu": cores}), key)
    assert isinstance(raised.value, TransientBackendError) is is_waited_for


@pytest.mark.parametrize("kind", ["throttle", "busy"])
def test_being_throttled_says_when_to_come_again(make_backend, azure, key, tmp_path, kind):
    backend = make_backend()
    azure.faults.add(kind, path="/containerGroups", seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        backend.submit(make_job(tmp_path, key, "pass"), key)
    assert raised.value.retry_after == 17


def test_a_submission_that_failed_is_repeated_at_once(make_backend, azure, key, tmp_path):
    """A submitter waits for another one that claimed the job, and this one must not wait for itself."""
    backend = make_backend()
    job = make_job(tmp_path, key, "pass")
    for kind in ("busy", "drop"):
        azure.faults.add(kind, verb="PUT", path="/containerGroups")
        with pytest.raises(TransientBackendError):
            backend.submit(job, key)
        assert not backend._staging(key).is_marked("submitted")
        backend.submit(job, key)
        clean_up(backend, backend.find(key))
    assert list(backend._staging(key).listed()) == []


def test_many_runs_are_a_handful_of_calls(make_backend, azure, tmp_path):
    backend = make_backend(cpu=0.5)
    keys = [f"aml-{uuid.uuid4().hex}-1" for _ in range(8)]
    handles = [backend.submit(make_job(tmp_path, one, "pass"), one) for one in keys]
    for handle in handles:
        backend._looks._turns.looked(handle.job_id, RUNNING, 3600)
    before = len(azure.calls)
    assert {status.state for status in backend.statuses(handles).values()} == {JobState.RUNNING}
    assert len(azure.calls) - before <= 2


def test_of_many_runs_only_a_few_are_asked_about_in_a_round(make_backend, azure):
    """So that a thousand cost no more."""
    backend = make_backend(cpu=0.5)
    keys = [f"aml-{number:032x}-1" for number in range(3 * QUESTIONS)]
    for one in keys:
        backend.api.put_group(one, group_body(backend.target.config, spec(workspace="default"), one, "cloud", None))
    handles = [backend._handle(one) for one in keys]
    asked = []
    for _ in range(3):
        before = len(azure.calls)
        seen = backend.statuses(handles)
        asked.append({call.partition("?")[0] for call in azure.calls[before:]})
    assert [len(calls) for calls in asked] == [1 + QUESTIONS] * 3
    assert len(set.union(*asked)) == 1 + len(keys)  # each round asks about others
    assert all(status.native_state != "not asked yet" for status in seen.values())


def test_who_is_told_to_wait_asks_about_no_other(make_backend, azure, tmp_path):
    backend = make_backend(cpu=0.5)
    keys = [f"aml-{uuid.uuid4().hex}-1" for _ in range(8)]
    handles = [backend.submit(make_job(tmp_path, one, "pass"), one) for one in keys]
    before = len(azure.calls)
    azure.faults.add("throttle", verb="GET", path="/containerGroups/", count=-1, seconds=17)
    seen = backend.statuses(handles)
    azure.faults.clear()
    assert len(azure.calls) - before == 2
    assert {found.retry_after for found in seen.values()} == {17}


@pytest.mark.parametrize("kind", ["throttle", "busy"])
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("GET", lambda backend, handle: backend.status(handle)),
        ("GET", lambda backend, handle: backend.logs(handle)),
        ("GET", lambda backend, _: list(backend.list_jobs())),
        ("POST", lambda backend, handle: backend.api.stop_group(handle.job_id)),
        ("DELETE", lambda backend, handle: backend.cleanup(handle)),
    ],
)
def test_every_call_respects_throttling(submitted, azure, kind, verb, call):
    backend, handle = submitted
    azure.faults.add(kind, verb=verb, path="/containerGroups", seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        call(backend, handle)
    assert raised.value.retry_after == 17


def test_an_image_that_is_not_there_is_told_and_leaves_nothing(azurite, monkeypatch, key, tmp_path):
    with AzureEmulator(Settings(images=())) as emulator:
        for name, value in identity(emulator).items():
            monkeypatch.setenv(name, value)
        settings = {"endpoint": emulator.https_url, "authority": emulator.https_url, "image": "none/such:1"}
        place = {"subscription": emulator.settings.subscription, "resource_group": "g"}
        backend = AciBackend(make_target(AciBackend, tmp_path, blob_datastore(azurite), "", **settings, **place))
        with pytest.raises(BackendError, match=r"(?s)'none/such:1'.* is not accessible.*Check the image's name"):
            backend.submit(make_job(tmp_path, key, "pass"), key)
        assert backend.find(key) is None
        backend.close()


def test_a_group_is_made_in_the_targets_region(make_backend, azure, key, tmp_path):
    backend = make_backend(region="switzerlandnorth")
    assert backend.plan(spec(), KEY).request["location"] == "switzerlandnorth"
    handle = backend.submit(make_job(tmp_path, key, "pass"), key)
    assert backend.api.get_group(handle.job_id)["location"] == "switzerlandnorth"


def group(state, *, provisioning="Succeeded", group_state="Running", events=(), **current):
    view = {"currentState": {"state": state, **current}, "events": list(events)}
    return {
        "properties": {
            "provisioningState": provisioning,
            "instanceView": {"state": group_state},
            "containers": [{"properties": {"instanceView": view}}],
        }
    }


OUT_OF_MEMORY = "The container was killed, often because it used more memory than it asked for."
NO_RESULTS = "The container ended with exit code 0 and sent no results."
WARNING = {"type": "Warning", "message": 'Failed to pull image "x"'}


@pytest.mark.parametrize(
    ("seen", "said", "state", "reason"),
    [
        (group("Running"), None, JobState.RUNNING, None),
        (group("Waiting", events=[WARNING]), None, JobState.PENDING, 'Failed to pull image "x".'),
        (group("", provisioning="Creating"), None, JobState.PENDING, None),
        (group("", provisioning="Failed"), None, JobState.FAILED, "Azure could not create the container group."),
        (group("Dancing"), None, JobState.UNKNOWN, None),
        # A group may say Running long after its container has ended.
        (group("Terminated", exitCode=0), {"state": "succeeded", "exit_code": 0}, JobState.SUCCEEDED, None),
        (group("Terminated", exitCode=3), {"state": "failed", "reason": "No."}, JobState.FAILED, "No."),
        (group("Terminated", exitCode=137), None, JobState.FAILED, OUT_OF_MEMORY),
        (group("Terminated", exitCode=0), None, JobState.FAILED, NO_RESULTS),
        (group("Terminated", exitCode=143, group_state="Stopped"), None, JobState.CANCELLED, None),
    ],
)  # fmt: skip
def test_states(seen, said, state, reason):
    status = status_of(seen, lambda: said)
    assert (status.state, status.reason) == (state, reason)


def test_half_a_registry_is_refused():
    with pytest.raises(ValueError, match="go together"):
        AciConfig(subscription="s", resource_group="g", registry_server="r.example")
