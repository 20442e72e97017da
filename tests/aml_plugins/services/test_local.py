"""Services as processes of this machine: deploy, call, update, fail, scale, delete."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from services.serving import SCRIPT

from aml_plugins import Image, Service, Task
from aml_plugins.cli.app import run
from aml_plugins.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    OperationFailedError,
    TransientBackendError,
)
from aml_plugins.services.driving import ServiceWatch, drive_once
from aml_plugins.services.telling import STARTED
from aml_plugins.testing.waiting import wait_until

SECOND = SCRIPT.replace("VERSION = 1", "VERSION = 2")
BROKEN = "def init(): raise ValueError('no such model')\ndef run(data): pass\n"


def version_of(service: Service) -> int:
    return service.run("x")["version"]


@pytest.fixture
def iris(serving) -> Service:
    return serving.image().deploy("iris", wait=True)


def test_a_service_answers(serving, iris):
    assert iris.run({"data": [1]}) == {"version": 1, "data": '{"data": [1]}', "pid": iris.run("x")["pid"]}
    assert (iris.state, iris.image_names) == ("Healthy", ["iris-svc:1"])
    assert "model directory ['model.bin']" in iris.get_logs()
    assert [service.name for service in Service.list(serving.workspace)] == ["iris"]
    assert [service.name for service in serving.model.services] == ["iris"]
    assert (iris.task.kind, iris.task.subject, iris.task.state) == ("service", "iris", "Completed")
    assert iris.task.result == {"service": "iris", "image": "iris-svc:1", "endpoint": iris.record.endpoint}


def test_nothing_is_left_of_a_deleted_service(serving, iris, running, aml_home):
    assert running()
    iris.delete()
    assert running() == []
    assert Service.list(serving.workspace) == []
    assert list((aml_home / "services").iterdir()) == []
    with pytest.raises(NotFoundError, match="no service 'iris'"):
        Service.get(serving.workspace, "iris")
    assert Task.list(serving.workspace)[0].message == "The service iris is deleted."


class Callers:
    """Somebody who never stops calling, over kept connections."""

    def __init__(self, service: Service, count: int = 3) -> None:
        self._address = service.record.endpoint.removeprefix("http://")
        self._over = threading.Event()
        self.versions: list[int] = []
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]

    def _call(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        while not self._over.is_set():
            try:
                connection.request("POST", "/score", "x")
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, body
                self.versions.append(json.loads(body)["version"])
            except (OSError, AssertionError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(0.002)
        connection.close()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_no_request_is_dropped_by_update_canary_scaling_and_going_back(serving, iris):
    second = serving.image(SECOND)
    first = Image.get(serving.workspace, "iris-svc", 1)
    with Callers(iris) as callers:
        iris.update(image=second, traffic=25, wait=True)
        seen = len(callers.versions)
        wait_until(lambda: len(callers.versions) >= seen + 200)
        canary = callers.versions[seen:]
        iris.scale(2, wait=True)
        assert [one["traffic"] for one in iris.to_json()["versions"]] == [75, 25]
        iris.update(traffic=100, wait=True)
        iris.scale(1, wait=True)
        iris.update(image=first, wait=True)
    assert callers.failures == []
    assert 0.2 < canary.count(2) / len(canary) < 0.3
    assert callers.versions[-1] == 1
    assert [one["traffic"] for one in iris.refresh().to_json()["versions"]] == [100]


def test_a_failed_update_keeps_the_old_version_and_says_why(serving, iris, running, capsys):
    before = running()
    with Callers(iris) as callers, pytest.raises(OperationFailedError, match="no such model") as raised:
        iris.update(image=serving.image(BROKEN), wait=True)
    assert callers.failures == []
    assert "'iris' was not updated" in str(raised.value)
    assert "iris-svc:1 serves on" in str(raised.value)
    assert version_of(iris) == 1
    assert (iris.state, iris.record.error_code) == ("Healthy", "deployment_failed")
    assert "no such model" in iris.record.reason
    assert set(running()) == set(before)
    assert iris.task.state == "Failed"
    capsys.readouterr()
    assert run(["service", "update", "iris", "--set", "drain_seconds=1"]) == 0  # of what serves, not of what failed
    assert "no such model" not in capsys.readouterr().out
    iris.refresh()
    assert (version_of(iris), iris.image_names, iris.record.reason) == (1, ["iris-svc:1"], None)
    iris.update(image=serving.image(SECOND), wait=True)
    assert (version_of(iris), iris.record.reason) == (2, None)


def test_a_first_deployment_that_fails_says_why(serving, running):
    with pytest.raises(OperationFailedError, match=r"(?s)'iris' was not deployed.*no such model"):
        serving.image(BROKEN).deploy("iris", wait=True)
    service = Service.get(serving.workspace, "iris")
    assert service.state == "Failed"
    with pytest.raises(OperationFailedError, match="is not up"):
        service.run("x")
    assert running() == []
    service.update(image=serving.image(SECOND), wait=True)
    assert version_of(service) == 2


def test_a_version_that_does_not_become_ready_is_given_up(serving):
    slow = serving.image("import time\ndef init(): time.sleep(600)\ndef run(data): pass\n")
    with pytest.raises(OperationFailedError, match="not ready after"):
        slow.deploy("iris", wait=True, timeout_seconds=1.0)


def test_an_interrupted_wait_says_how_the_service_goes_on(serving, monkeypatch):
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    slow = serving.image("import time\ndef init(): time.sleep(600)\ndef run(data): pass\n")
    service = slow.deploy("iris")
    ctrl_c = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt, match=r"service iris goes on; .*: service\.wait_for_deployment\(\)$"):
        service.wait_for_deployment()
    assert service.state == "Transitioning"
    service.delete()


def test_a_request_that_hangs_holds_no_update_longer_than_it_may_take(serving, tmp_path):
    hangs = "import time\ndef init(): pass\ndef run(data):\n    open(data, 'w').close()\n    time.sleep(3600)\n"
    service, begun = serving.image(hangs).deploy("iris", wait=True, drain_seconds=1.0), tmp_path / "begun"

    def call() -> None:
        with suppress(OperationFailedError, TransientBackendError):
            service.run(str(begun))

    caller = threading.Thread(target=call)
    caller.start()
    wait_until(begun.exists)
    Service.get(serving.workspace, "iris").update(image=serving.image(SECOND), wait=True)
    assert version_of(Service.get(serving.workspace, "iris")) == 2
    caller.join()


def test_a_clock_that_jumps_gives_no_version_up_and_a_deletion_does(serving, monkeypatch):
    slow = serving.image("import time\ndef init(): time.sleep(600)\ndef run(data): pass\n")
    service = slow.deploy("iris", timeout_seconds=3600.0)
    context, clock = serving.workspace.context, time.time
    for jump in (0, 0, 0, 86_400, -86_400):
        monkeypatch.setattr(time, "time", lambda jump=jump: clock() + jump)
        record = drive_once(context, service.refresh().record, "driver")
        assert (record.state, record.error_code) == ("Transitioning", None)
    assert len(record.deployments) == 1
    monkeypatch.setattr(time, "time", clock)
    first = service.task
    assert (first.state, first.progress, first.message) == (
        "Running",
        STARTED,
        "iris-svc:1 is started, and gets ready.",
    )
    service.delete()
    deletion = Task.list(serving.workspace)[0]
    assert (deletion.state, deletion.result) == ("Completed", {"deleted": "iris"})
    assert first.state == "Canceled"  # nothing that a later request overtook is under way for ever


def test_keys_let_in_and_rotate_without_refusing_anybody(serving):
    service = serving.image().deploy("iris", auth=True, wait=True)
    keys = service.keys()
    assert service.run("x")["version"] == 1
    assert keys.primary not in repr(keys) + repr(service.record)

    def ask(key: str) -> int:
        connection = http.client.HTTPConnection(service.record.endpoint.removeprefix("http://"), timeout=10)
        connection.request("POST", "/score", "x", {"Authorization": f"Bearer {key}"})
        return connection.getresponse().status

    assert [ask(keys.primary), ask(keys.secondary), ask("other")] == [200, 200, 401]
    fresh = service.keys(regenerate="primary")
    assert (fresh.secondary, fresh.primary != keys.primary) == (keys.secondary, True)
    assert ask(keys.secondary) == 200
    wait_until(lambda: (ask(fresh.primary), ask(keys.primary)) == (200, 401))
    with pytest.raises(InvalidInputError, match="no key 'third'"):
        service.keys(regenerate="third")


def test_settings_reach_the_server(serving, monkeypatch):
    monkeypatch.setenv("TOKEN", "hush")
    image = serving.image(
        "import os\ndef init(): pass\ndef run(data): return [os.environ['A'], os.environ['T'] == 'hush']\n"
    )
    service = image.deploy("iris", variables={"A": "b", "T": "secret://env/TOKEN"}, max_request_bytes=10, wait=True)
    assert service.run("x") == ["b", True]
    assert "hush" not in repr(service.record)
    with pytest.raises(OperationFailedError, match="413"):
        service.run("x" * 11)
    service.update(variables={"A": "c", "T": "secret://env/TOKEN"}, wait=True)
    assert service.run("x") == ["c", True]


def test_a_process_that_dies_is_started_again(serving, iris, running):
    supervisor = json.loads(next(Path(os.environ["AML_HOME"]).glob("services/*/*/server.pid")).read_text())["pid"]
    os.killpg(supervisor, signal.SIGKILL)
    watch = ServiceWatch(serving.workspace.context)
    watch.round()
    assert iris.state == "Unhealthy"

    def is_healthy() -> bool:
        watch._looked.clear()  # the next look would be in seconds
        watch.round()
        return iris.state == "Healthy"

    wait_until(is_healthy)
    assert version_of(iris) == 1


def test_a_front_that_dies_comes_back_at_its_address(serving, iris):
    endpoint = iris.record.endpoint
    front = json.loads(next(Path(os.environ["AML_HOME"]).glob("services/*/front.pid")).read_text())["pid"]
    os.kill(front, signal.SIGKILL)
    watch = ServiceWatch(serving.workspace.context)

    def answers() -> bool:
        watch._looked.clear()
        watch.round()
        with suppress(OperationFailedError, TransientBackendError):
            assert version_of(iris) == 1
            return True
        return False

    wait_until(answers)
    assert iris.record.endpoint == endpoint


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target": "nowhere"}, "nowhere"),
        ({"colour": "red"}, "'colour'.*wrong"),
        ({"replicas": 0}, "0 replicas"),
        ({"port": "high"}, "'port'.*wrong"),
        ({"variables": {"A": 1}}, "'variables.A'.*wrong"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(serving, settings, words):
    from aml_plugins.errors import AmlError

    image = serving.image()
    with pytest.raises(AmlError, match=words):
        image.deploy("iris", **settings)
    assert Service.list(serving.workspace) == []


def test_names_are_taken_once(serving, iris):
    with pytest.raises(AlreadyExistsError, match="aml service update iris"):
        Image.get(serving.workspace, "iris-svc").deploy("iris")
    with pytest.raises(InvalidInputError, match="cannot be the name"):
        Image.get(serving.workspace, "iris-svc").deploy("Iris!")
    with pytest.raises(InvalidInputError, match="101"):
        iris.update(traffic=101)
    with pytest.raises(InvalidInputError, match="has one version, and that has all requests"):
        iris.update(traffic=10)


def test_what_a_service_uses_stays(serving, iris, monkeypatch):
    with pytest.raises(InvalidInputError, match="is used by: iris"):
        Image.get(serving.workspace, "iris-svc").delete()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.utils.workspace_context import WorkspaceContext

    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")  # as plain MLflow has to be told
    registry = MlflowClient(registry_uri=serving.workspace.context.store.uri)
    with WorkspaceContext("default"):
        for delete in (
            lambda: registry.delete_model_version("iris", "1"),
            lambda: registry.delete_registered_model("iris"),
            lambda: registry.rename_registered_model("iris", "other"),
        ):
            with pytest.raises(MlflowException, match="used by the service iris"):
                delete()
        iris.delete()
        registry.delete_model_version("iris", "1")
