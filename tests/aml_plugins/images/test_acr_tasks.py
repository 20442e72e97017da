"""Images that an Azure Container Registry builds: the emulator builds them in an engine, a real registry keeps them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from services.container_registry import PASSWORD, USER
from services.serving import SCRIPT

from aml_backends.azure.acr_tasks import builder as builder_module
from aml_backends.azure.acr_tasks.service import AcrTasks
from aml_plugins import Image, InferenceConfig, Workspace
from aml_plugins.errors import BackendError, InvalidInputError, OperationFailedError
from aml_plugins.images.opening import image_layout, load_registry
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings

pytestmark = pytest.mark.timeout(1200)

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TASK_RUNS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/mine"


class Died(BaseException):
    """The process ends here, as far as the builder can tell."""


@pytest.fixture(scope="module")
def azure(registry: str, engine: Any) -> Iterator[AzureEmulator]:
    settings = Settings(registry=registry, registry_login=(USER, PASSWORD), validate=True)
    with pytest.MonkeyPatch.context() as patch, AzureEmulator(settings) as emulator:
        patch.setenv("DOCKER_HOST", engine.address)  # where the emulator builds
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def acr(
    azure: AzureEmulator, engine: Any, built_images: Path, aml_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Settings of a registry that builds."""
    (aml_home / "images").symlink_to(built_images)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", azure.https_url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
    monkeypatch.setenv("ACR_SECRET", "the principal's secret")
    monkeypatch.setenv("AML_REGISTRY_LONGEST_PAUSE", "0.2")
    azure.application.record.calls.clear()
    yield {
        "type": "acr", "address": azure.https_url, "ca_file": str(azure.certificate), "prefix": "team",
        "name": "mine", "subscription": SUBSCRIPTION, "resource_group": "rg", "endpoint": azure.https_url,
        "tenant_id": azure.settings.tenant, "client_id": "me", "client_secret": "secret://env/ACR_SECRET",
    }  # fmt: skip
    azure.faults.clear()
    assert listed(azure, "taskRuns") == []
    with contextlib.closing(docker.DockerClient(base_url=engine.address)) as client:
        while client.api.containers(all=True):  # nothing runs on
            threading.Event().wait(0.05)


def build(serving: Any, acr: dict[str, str], script: str = SCRIPT, **options: Any) -> Image:
    return serving.image(script, **{"base_image": None, "builder": "acr-tasks", "registry": acr, **options})


def listed(azure: AzureEmulator, kind: str) -> list[dict[str, Any]]:
    """What the registry has, as its resource manager tells."""
    return [one["properties"] for one in asked(azure, f"{TASK_RUNS}/{kind}").json()["value"]]


def asked(azure: AzureEmulator, path: str, method: str = "GET") -> requests.Response:
    form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
    token = requests.post(f"{azure.url}/t/oauth2/v2.0/token", data=form, timeout=60).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{azure.url}{path}?api-version=2025-03-01-preview"
    return requests.request(method, url, headers=headers, timeout=60)


def begun(azure: AzureEmulator) -> int:
    return sum(call.startswith("PUT") and "/taskRuns/" in call for call in azure.calls)


def layers_of(image: Image) -> dict[str, str]:
    return {layer["name"]: layer["digest"] for layer in image.record.result["details"]["layers"]}


def test_a_registry_builds_what_others_build(serving, acr, azure, tmp_path):
    earlier = len(listed(azure, "runs"))
    azure.faults.add("throttle", path="/runs/", count=2, seconds=1)
    azure.faults.add("drop", verb="PUT", path="/taskRuns/", count=1)  # it began; nobody heard
    image = build(serving, acr)
    host = azure.https_url.removeprefix("https://")
    assert image.location == f"{host}/team/iris-svc@{image.digest}"
    assert len(listed(azure, "runs")) == earlier + 1
    layout = image_layout(serving.workspace.context)
    config = layout.read_json(layout.blobs_of(image.digest)[0].digest)["config"]
    assert (config["User"], config["Entrypoint"]) == ("10001:10001", ["python3", "-m", "aml_scoring"])
    assert "PYTHONPATH=/opt/aml/packages:/opt/aml/server" in config["Env"]
    assert list(layers_of(image)) == [
        "requirements", "environment", "server", "model iris", "application", "bill of materials"
    ]  # fmt: skip
    log = image.get_logs()
    assert "Successfully installed" in log  # the registry's own
    assert "the principal's secret" not in log + str(image.record)
    # The image serves, and only what changed is another layer.
    service = image.deploy("iris", wait=True, timeout_seconds=600)
    assert service.run("x")["version"] == 1
    service.delete()
    before, after = layers_of(image), layers_of(build(serving, acr, f"{SCRIPT}\n# changed\n"))
    assert {name for name in before if before[name] != after[name]} == {"application"}


def test_a_build_that_fails_says_why(serving, acr, azure):
    (serving.source / "score.py").write_text(SCRIPT)
    environment = {"kind": "pip", "requirements": ["no-such-package-here-at-all==1"]}
    with pytest.raises(
        OperationFailedError, match=r"The build in the registry failed (?s:.*)no-such-package-here"
    ) as told:
        Image.create(
            serving.workspace, "x", models=[], builder="acr-tasks", registry=acr,
            inference=InferenceConfig("score.py", serving.source, environment),
        )  # fmt: skip
    assert "Its last lines:" in str(told.value)
    assert Image.get(serving.workspace, "x").state == "Failed"


@pytest.mark.parametrize("at", ["upload", "start", "find", "forget"])
def test_what_a_builder_began_goes_on_after_it_died(serving, acr, azure, monkeypatch, at):
    runs = len(listed(azure, "runs"))
    real = getattr(AcrTasks, at)

    def dying(self: AcrTasks, *arguments: Any) -> Any:
        if at == "find" and real(self, *arguments) is None:
            return None  # before it began; it dies while it waits
        if at != "forget":
            real(self, *arguments)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(AcrTasks, at, dying)
        with pytest.raises(Died):
            build(serving, acr)
    image = Image.get(serving.workspace, "iris-svc")
    assert image.state == "Building"
    image.wait_for_creation()
    assert len(listed(azure, "runs")) == runs + 1
    assert begun(azure) == 1


def _create_and_stop(home: str, registry: dict[str, str], source: str) -> None:
    """Begin a build and be killed while the registry builds."""
    os.environ["AML_HOME"] = home
    builder_module.follow = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    inference = InferenceConfig("score.py", source)
    Image.create(Workspace.get(), "x", models=[], builder="acr-tasks", registry=registry, inference=inference)


def test_a_killed_builder_is_made_up_for(serving, acr, azure, aml_home):
    (serving.source / "score.py").write_text(SCRIPT)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_create_and_stop, args=(str(aml_home), acr, str(serving.source)))
    process.start()
    process.join(900)
    assert process.exitcode == -signal.SIGKILL
    runs = len(listed(azure, "runs"))
    image = Image.get(serving.workspace, "x")
    image.wait_for_creation()
    assert (image.state, len(listed(azure, "runs"))) == ("Succeeded", runs)
    assert "The registry has this build already" in image.get_logs()


@pytest.mark.parametrize("builder_is_gone", [False, True])
def test_to_delete_an_image_ends_its_build(serving, acr, azure, monkeypatch, builder_is_gone):
    with socket.socket() as silent:  # an index that never answers: pip waits
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "900")
        (serving.source / "score.py").write_text(f"{SCRIPT}\n# {builder_is_gone}\n")
        told: list[BaseException] = []

        def create() -> None:
            try:
                Image.create(
                    serving.workspace, "y", models=[], builder="acr-tasks", registry=acr,
                    inference=InferenceConfig("score.py", serving.source, {"kind": "pip", "requirements": ["a"]}),
                )  # fmt: skip
            except BaseException as error:  # noqa: BLE001  it is looked at below
                told.append(error)

        if builder_is_gone:
            monkeypatch.setattr(builder_module, "follow", _dies)
        creating = threading.Thread(target=create)
        creating.start()
        silent.accept()
        if builder_is_gone:
            creating.join()
        Image.get(serving.workspace, "y").delete()
        creating.join()
    assert Image.list(serving.workspace, "y") == []
    assert isinstance(told[0], Died if builder_is_gone else Exception)
    while (last := listed(azure, "runs")[-1]["status"]) == "Running":  # the engine ends it
        threading.Event().wait(0.05)
    assert last == "Canceled"


def _dies(*_: Any) -> None:
    raise Died


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "builds in an Azure Container Registry"),
        ({"type": "oci", "address": "127.0.0.1:5000"}, "builds in an Azure Container Registry"),
        ({"type": "acr", "address": "mine"}, "needs the registry's subscription and resource_group"),
    ],
)
def test_a_registry_that_cannot_build_is_refused_before_anything_is_written(serving, change, words):
    with pytest.raises(InvalidInputError, match=words):
        build(serving, change or {})
    assert Image.list(serving.workspace) == []


def test_what_azure_does_not_know_is_a_sentence(serving, acr, azure, tmp_path):
    with AcrTasks(load_registry(serving.workspace.context, acr)) as tasks:
        with pytest.raises(BackendError, match=r"Azure refuses the registry 'mine': .*not one that was uploaded"):
            tasks.start("abcdef", builder_module._request("source/none", "x:1", {}))
        tasks.forget("abcdef")
        tasks.cancel("none")
        assert tasks.find("abcdef") is None
        assert tasks.run("none") is None


def test_the_address_of_a_file_is_good_for_that_file(acr, azure):
    given = asked(azure, f"{TASK_RUNS}/listBuildSourceUploadUrl", "POST").json()
    url, own = given["uploadUrl"].split("?")[0], given["uploadUrl"]
    assert requests.put(f"{url}?sig=guessed", data=b"x", timeout=60).status_code == 403
    assert requests.get(own, timeout=60).status_code == 404
    assert requests.put(own, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=60).status_code == 201
    assert requests.get(own, headers={"Range": "bytes=0-"}, timeout=60).content == b"x"
