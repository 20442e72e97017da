"""Images that a real Docker engine builds: the same contents, cached by it, made up for where it was killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from services.serving import SCRIPT

from aml_plugins import Image, InferenceConfig, Service, Workspace
from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.images.contract import BuildSpec
from aml_plugins.images.opening import image_layout, load_builder

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def docker(serving, engine, monkeypatch) -> Iterator[Any]:
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    import docker

    client = docker.from_env()
    yield client
    for service in Service.list(serving.workspace):
        service.delete()
    client.close()


def build(serving, script: str = SCRIPT, **options: Any) -> Image:
    return serving.image(script, base_image=None, builder="docker", **options)


def layers_of(image: Image) -> dict[str, str]:
    return {layer["name"]: layer["digest"] for layer in image.record.result["details"]["layers"]}


def files_of(image: Image) -> set[str]:
    layout, found = image_layout(image.workspace.context), set()
    for digest in layers_of(image).values():
        with tarfile.open(layout.path(digest)) as archive:
            found |= {member.name for member in archive if member.isfile()}
    return found


def test_it_has_what_an_image_without_an_engine_has_and_serves(serving, docker):
    image, other = build(serving), serving.image(base_image=None)
    mine = {path for path in files_of(image) if "packages/" not in path and "__pycache__" not in path}
    theirs = {path for path in files_of(other) if "packages/" not in path and "__pycache__" not in path}
    assert mine - theirs == {"opt/aml/requirements.txt"}
    assert theirs - mine == set()
    assert "opt/aml/packages/uvicorn/main.py" in files_of(image)
    layout = image_layout(serving.workspace.context)
    config, theirs_ = (layout.read_json(layout.blobs_of(one.digest)[0].digest)["config"] for one in (image, other))
    assert {**config, "Env": sorted(config["Env"])} == {**theirs_, "Env": sorted(theirs_["Env"])} | {
        "Labels": config["Labels"]
    }
    with tarfile.open(layout.path(layers_of(image)["bill of materials"])) as archive:
        bill = json.load(archive.extractfile("opt/aml/sbom.cdx.json"))
    assert {("library", "uvicorn"), ("machine-learning-model", "iris")} <= {
        (part["type"], part["name"]) for part in bill["components"]
    }
    # The engine's own copy is an image like any other.
    attributes = docker.images.get("aml/iris-svc:1").attrs["Config"]
    assert (attributes["User"], attributes["Entrypoint"]) == ("10001:10001", ["python3", "-m", "aml_scoring"])
    assert attributes["Labels"]["io.aml.model.iris"] == "1"
    service = image.deploy("iris", target="docker", network="host", wait=True, timeout_seconds=600)
    assert service.run("x")["version"] == 1
    local = image.deploy("iris-local", wait=True, timeout_seconds=600)
    assert local.run("x")["version"] == 1


def test_a_changed_script_makes_one_new_layer(serving, docker):
    first, second = build(serving), build(serving, f"{SCRIPT}\n# changed\n")
    before, after = layers_of(first), layers_of(second)
    assert {name for name in before if before[name] != after[name]} == {"application"}
    log = second.get_logs()
    assert log.count("Using cache") >= 4
    assert log.count(" kept, ") == 1


def test_a_build_that_fails_says_why_and_leaves_no_container(serving, docker):
    (serving.source / "score.py").write_text(SCRIPT)
    environment = {"kind": "pip", "requirements": ["no-such-package-here-at-all==1"]}
    with pytest.raises(OperationFailedError, match="The Docker engine could not build the image"):
        Image.create(
            serving.workspace, "x", models=[], builder="docker",
            inference=InferenceConfig("score.py", serving.source, environment),
        )  # fmt: skip
    assert "no-such-package-here-at-all" in Image.get(serving.workspace, "x").get_logs()
    assert docker.containers.list(all=True) == []


def test_an_engine_that_is_away_is_a_sentence(serving, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    with pytest.raises(OperationFailedError, match="engine cannot be reached"):
        build(serving)
    assert Image.get(serving.workspace, "iris-svc").state == "Failed"


def test_an_index_with_a_password_is_refused_before_anything_is_written(serving, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@packages.example.com/simple")
    with pytest.raises(InvalidInputError, match="PIP_INDEX_URL has a password") as told:
        build(serving)
    assert "hunter2" not in str(told.value)
    assert Image.list(serving.workspace) == []


def test_the_plan_is_a_dockerfile(serving, tmp_path):
    (serving.source / "score.py").write_text(SCRIPT)
    spec = BuildSpec(
        name="x", version=1, source=serving.source, entry_script="score.py", models=[],
        environment={"kind": "existing"},
        base_image="registry.example.com/python:3", variables={"PRICE": 'a "b" $c'}, labels={"team": "a b"},
    )  # fmt: skip
    builder = load_builder(serving.workspace.context, "docker")
    text = str(builder.plan(spec)["dockerfile"])
    lines = text.splitlines()
    assert lines[:3] == ["FROM registry.example.com/python:3", "USER root", "COPY environment/ /"]
    assert "if python3 -m pip" in lines[3]
    assert lines[4:6] == ["COPY server/ /", "COPY application/ /"]
    assert 'ENV PRICE="a \\"b\\" \\$c"' in lines
    assert 'LABEL "team"="a b"' in lines
    assert builder.plan(spec)["dockerfile"] == text
    broken = BuildSpec(
        name="x", version=1, source=serving.source, entry_script="score.py", models=[],
        environment={"kind": "existing"},
        variables={"X": "a\nRUN b"},
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="has a line break"):
        builder.plan(broken)


def _create_and_stop(home: str, address: str, source: str, at: str) -> None:
    """Begin a build and be killed at a place in it."""
    os.environ.update(AML_HOME=home, DOCKER_HOST=address)
    from aml_plugins.images import docker_builder, dockerfile_builder

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(docker_builder if hasattr(docker_builder, at) else dockerfile_builder, at, die)
    Image.create(
        Workspace.get(), "iris-svc", models=[], builder="docker", inference=InferenceConfig("score.py", source)
    )


@pytest.mark.parametrize("at", ["load_base", "write_tar", "export_layers", "bill_of_layer", "image_manifest"])
def test_a_killed_builder_is_made_up_for(serving, docker, engine, aml_home, at):
    (serving.source / "score.py").write_text(SCRIPT)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_create_and_stop, args=(str(aml_home), engine.address, str(serving.source), at))
    process.start()
    process.join(900)
    assert process.exitcode == -signal.SIGKILL
    image = Image.get(serving.workspace, "iris-svc")
    assert image.state == "Building"
    image.wait_for_creation()
    assert image.state == "Succeeded"
    assert [one.version for one in Image.list(serving.workspace)] == [1]
    assert docker.containers.list(all=True) == []
