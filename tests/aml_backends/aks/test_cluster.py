"""What a cluster does besides running a pod: it refuses, evicts, kills, and gives nodes names."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from services.kubernetes import Kubernetes

from aml_backends.aks.backend import AksBackend
from aml_backends.aks.cluster import PAGE
from aml_backends.aks.plan import job_body
from aml_backends.aks.run_log import printing_pod
from aml_plugins.compute import JobSpec, JobState
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

pytestmark = pytest.mark.xdist_group("kubernetes")
KEY = "aml-0123456789abcdef0123456789abcdef-1"
MakeBackend = Callable[..., AksBackend]
SPEC = JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle={})
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction"}


def test_a_run_that_no_node_can_take_says_why(backend: AksBackend, tmp_path: Path) -> None:
    spec = replace(make_job(tmp_path, KEY, ENDLESS), resources={"cpu": 1, "extended": {"example.com/fpga": "1"}})
    handle = backend.submit(spec, KEY)
    wait_until(lambda: "Insufficient example.com/fpga" in (backend.status(handle).reason or ""))
    assert backend.status(handle).state is JobState.PENDING


def test_an_image_that_cannot_be_pulled_says_why(backend: AksBackend, tmp_path: Path) -> None:
    spec = replace(make_job(tmp_path, KEY, ENDLESS), environment={"kind": "docker", "image": "127.0.0.1:9/nothing:1"})
    handle = backend.submit(spec, KEY)
    wait_until(lambda: "127.0.0.1:9/nothing:1" in (backend.status(handle).reason or ""))
    assert backend.status(handle).state is JobState.PENDING
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED


def test_a_script_that_takes_too_much_memory_says_so(backend: AksBackend, tmp_path: Path) -> None:
    spec = replace(make_job(tmp_path, KEY, "b = bytearray(1 << 30); print(len(b))"), resources={"memory": "100Mi"})
    status = wait_until_ended(backend, backend.submit(spec, KEY))
    assert status.state is JobState.FAILED
    assert status.reason


def test_a_pod_that_the_cluster_would_not_have_is_explained(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = make_backend(service_account="nobody")
    handle = backend.submit(make_job(tmp_path, KEY, ENDLESS), KEY)
    said = 'The cluster makes no pod: .* serviceaccount "nobody" not found'
    wait_until(lambda: re.match(said, getattr(backend.statuses([handle])[handle], "reason", None) or ""))


def test_a_namespace_that_is_not_there_is_told(make_backend: MakeBackend) -> None:
    backend = make_backend(namespace="nowhere")
    with pytest.raises(BackendError, match="The cluster has no namespace 'nowhere'"):
        backend.check()


def test_a_pod_that_somebody_deleted_is_a_loss(backend: AksBackend, tmp_path: Path) -> None:
    handle = backend.submit(make_job(tmp_path, KEY, ENDLESS), KEY)
    wait_until(lambda: bool(backend.logs(handle).data))
    pod = name_of_pod(backend)
    assert pod is not None
    backend.cluster.delete("pod", pod)
    seen = wait_until_ended(backend, handle)
    assert (seen.state, seen.lost) == (JobState.FAILED, True)
    assert seen.reason == "Somebody deleted the run's pod, or its namespace, in the cluster."


def test_an_evicted_run_starts_again(backend: AksBackend, kubernetes: Kubernetes, tmp_path: Path) -> None:
    script = "import os, time; print(os.environ['HOSTNAME'], flush=True); time.sleep(3600)"
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    wait_until(lambda: bool(backend.logs(handle).data))
    said = backend.logs(handle)
    first = name_of_pod(backend)
    assert first is not None
    evict(kubernetes, first)
    wait_until(lambda: name_of_pod(backend) not in {first, None})
    assert backend.status(handle).state in {JobState.RUNNING, JobState.PENDING}
    wait_until(lambda: is_running(backend, handle) and bool(backend.logs(handle).data))
    chunk = backend.logs(handle, said.cursor)
    assert chunk.data == said.data  # from the beginning: a pod that replaces another has its name
    assert chunk.generation not in {0, said.generation}
    assert backend.status(handle).generation == chunk.generation


def test_nodes_find_each_other(backend: AksBackend, tmp_path: Path) -> None:
    script = """
import os, pathlib
index = os.environ["AML_NODE_RANK"]
pathlib.Path("outputs/node.txt").write_text(index)
print("node", index, "of", os.environ["AML_NODE_COUNT"], os.environ["AML_MASTER_ADDRESS"])
"""
    handle = backend.submit(replace(make_job(tmp_path, KEY, script), node_count=2), KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    results = tmp_path / "results"
    results.mkdir()
    backend.fetch(handle, results)
    assert (results / "outputs" / "node.txt").read_text() == "0"
    assert f"node 0 of 2 {KEY}-0.{KEY}" in (results / "logs" / "std_log.txt").read_text()


def test_what_a_cancelled_run_had_comes_home(backend: AksBackend, tmp_path: Path) -> None:
    script = "open('outputs/half.txt', 'w').write('half'); import time; print('x', flush=True); time.sleep(3600)"
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    wait_until(lambda: bool(backend.logs(handle).data))
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED
    results = tmp_path / "results"
    results.mkdir()
    backend.fetch(handle, results)
    assert (results / "outputs" / "half.txt").read_text() == "half"


def test_nothing_is_left_in_the_cluster(backend: AksBackend, tmp_path: Path) -> None:
    handle = backend.submit(replace(make_job(tmp_path, KEY, "pass"), node_count=2), KEY)
    wait_until_ended(backend, handle)
    assert backend.cluster.find("secret", KEY)
    assert backend.cluster.delete("job", KEY)  # as its time to live would: what belongs to it goes with it
    wait_until(lambda: not backend.cluster.find("secret", KEY) and not backend.cluster.find("service", KEY))
    assert backend.status(handle).state is JobState.SUCCEEDED  # what its runner said last


def test_a_kubeconfig_by_reference(
    kubernetes: Kubernetes, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = json.loads(kubernetes.kubeconfig.read_text())
    cluster = value["clusters"][0]["cluster"]
    certificate = Path(cluster.pop("certificate-authority")).read_bytes()
    cluster["certificate-authority-data"] = base64.b64encode(certificate).decode()
    monkeypatch.setenv("KUBECONFIG_TEXT", json.dumps(value))
    backend = make_backend(kubeconfig=None, kubeconfig_secret="secret://env/KUBECONFIG_TEXT")
    assert backend.check().startswith("Kubernetes v1.")


def test_who_may_not_is_told_what_is_missing(kubernetes: Kubernetes, make_backend: MakeBackend, tmp_path: Path) -> None:
    value = json.loads(kubernetes.kubeconfig.read_text())
    value["users"][0]["user"] = {"token": "somebody-else"}
    stranger = tmp_path / "stranger"
    stranger.write_text(json.dumps(value))
    with pytest.raises(BackendError, match="The cluster refuses") as caught:
        make_stranger(make_backend, stranger).find(KEY)
    assert not isinstance(caught.value, TransientBackendError)
    assert "somebody-else" not in str(caught.value) + caught.value.fix


def test_a_cluster_that_is_not_there(kubernetes: Kubernetes, make_backend: MakeBackend, tmp_path: Path) -> None:
    value = json.loads(kubernetes.kubeconfig.read_text())
    value["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:9"}
    gone = tmp_path / "gone"
    gone.write_text(json.dumps(value))
    with pytest.raises(TransientBackendError, match="The cluster does not answer"):
        make_stranger(make_backend, gone).find(KEY)


@pytest.mark.parametrize("text", ["", "no: kubeconfig", "{"])
def test_a_kubeconfig_that_is_none(make_backend: MakeBackend, tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(text)
    with pytest.raises(InvalidInputError, match="kubeconfig"):
        make_stranger(make_backend, wrong).find(KEY)


def test_many_runs_are_a_handful_of_requests(backend: AksBackend) -> None:
    keys = [f"aml-{number:032x}-1" for number in range(PAGE + 10)]
    for key in keys:
        backend.cluster.create("job", suspended(job_body(SPEC, backend._config, key)))
    handles = [backend._handle(key) for key in keys]
    before = requests(backend)
    seen = backend.statuses(handles)
    assert requests(backend) - before == 3  # two pages of jobs, one of pods
    assert {status.state for status in seen.values() if not isinstance(status, Exception)} == {JobState.PENDING}
    assert len(seen) == len(keys)
    for key in keys:
        backend.cluster.delete("job", key)


def suspended(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job that the cluster keeps and does not run."""
    return {**job, "spec": {**job["spec"], "suspend": True}}


def name_of_pod(backend: AksBackend) -> str | None:
    pod = printing_pod(backend.cluster, KEY)
    return str(pod["metadata"]["name"]) if pod else None


def requests(backend: AksBackend) -> int:
    """Return how many requests the backend's connections have seen."""
    pools = backend.cluster._client.rest_client.pool_manager.pools
    return sum(pools[key].num_requests for key in pools.keys())  # noqa: SIM118  it cannot be iterated over


def make_stranger(make_backend: MakeBackend, kubeconfig: Path) -> AksBackend:
    """Return a backend that the fixture will not ask for its jobs in the end."""
    backend = make_backend()
    return AksBackend(
        replace(backend.target, config=backend._config.model_copy(update={"kubeconfig": str(kubeconfig)}))
    )


def evict(kubernetes: Kubernetes, pod: str) -> None:
    """Have the cluster take a pod away, as it does to make room or empty a node."""
    import kubernetes as client

    api = client.client.CoreV1Api(client.config.new_client_from_config(str(kubernetes.kubeconfig)))
    api.create_namespaced_pod_eviction(pod, "default", {**EVICTION, "metadata": {"name": pod}})
