"""Images without a daemon: what is in them, what is built again, what is refused."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tarfile
import time
from pathlib import Path

import certifi
import pytest
from services.serving import SCRIPT, write_small_base

from aml_plugins import Image, InferenceConfig, Model, Task, Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError, OperationFailedError
from aml_plugins.images.building import BUILT, FILES_HERE
from aml_plugins.images.layers import Entry, write_layer
from aml_plugins.images.layout import Layout
from aml_plugins.images.opening import image_layout


def contents(image: Image) -> dict[str, tarfile.TarInfo]:
    """Every file of an image, as if its layers were unpacked one over the other."""
    image.fetch()
    layout = image_layout(image.workspace.context)
    found = {}
    for layer in layout.blobs_of(image.digest)[1:-1]:
        with tarfile.open(layout.path(layer.digest)) as archive:
            found.update({member.name: member for member in archive})
    return found


def config_of(image: Image) -> dict:
    layout = image_layout(image.workspace.context)
    return layout.read_json(layout.blobs_of(image.digest)[0].digest)


def layers_of(image: Image) -> dict[str, str]:
    return {layer["name"]: layer["digest"] for layer in image.record.result["details"]["layers"]}


def test_an_image_has_script_model_server_and_environment(serving):
    image = serving.image(tags={"team": "a"})
    files = contents(image)
    for path in (
        "var/azureml-app/score.py",
        "var/azureml-app/azureml-models/iris/1/model.bin",
        "opt/aml/server/aml_scoring/app.py",
        "opt/aml/packages/uvicorn/main.py",
        "opt/aml/sbom.cdx.json",
        "etc/base",
    ):
        assert path in files
    assert {(member.mtime, member.uid, member.gid) for member in files.values()} == {(0, 0, 0)}
    config = config_of(image)["config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["python3", "-m", "aml_scoring"]
    variables = dict(pair.split("=", 1) for pair in config["Env"])
    assert variables["BASE"] == "1"
    assert variables["AZUREML_MODEL_DIR"] == "azureml-models/iris/1"
    assert config["Labels"]["io.aml.model.iris"] == "1"
    assert config["Labels"]["io.aml.model.iris.run"] == serving.model.run_id
    assert image.location.endswith(image.digest.partition(":")[2])
    assert (image.state, image.record.tags, image.models[0].name) == ("Succeeded", {"team": "a"}, "iris")


def test_lineage_leads_both_ways(serving):
    image = serving.image()
    assert [(one.name, one.version) for one in serving.model.images] == [("iris-svc", 1)]
    assert image.models[0].run.id == serving.model.run_id


def test_equal_parts_make_an_equal_image_elsewhere(
    serving, tmp_path, monkeypatch, migrated_database, built_environments
):
    import shutil

    first = serving.image()
    other = tmp_path / "other-home"
    other.mkdir()
    shutil.copyfile(migrated_database, other / "aml.db")
    (other / "environments").symlink_to(built_environments)
    monkeypatch.setenv("AML_HOME", str(other))
    workspace = Workspace.get()
    model = Model.register(workspace, tmp_path / "model.bin", "iris")
    again = Image.create(
        workspace,
        "iris-svc",
        models=[model],
        inference=InferenceConfig("score.py", serving.source),
        base_image=str(serving.base),
    )
    assert layers_of(again) == layers_of(first)
    mine, theirs = config_of(again), config_of(first)
    run = "io.aml.model.iris.run"  # the model's own run is what differs
    assert mine["config"]["Labels"].pop(run) != theirs["config"]["Labels"].pop(run)
    assert mine == theirs
    workspace.close()


def test_a_changed_script_makes_one_new_layer(serving):
    first, second = serving.image(), serving.image(f"{SCRIPT}\n# changed\n")
    before, after = layers_of(first), layers_of(second)
    assert {name for name in before if before[name] != after[name]} == {"application"}
    assert second.version == 2
    assert "environment: " in second.get_logs()
    assert "as before" in second.get_logs()


def test_the_bill_of_materials_names_packages_and_models(serving):
    image = serving.image()
    layout = image_layout(image.workspace.context)
    with tarfile.open(layout.path(layers_of(image)["application"])) as archive:
        bill = json.load(archive.extractfile("opt/aml/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    names = {(part["type"], part["name"]) for part in bill["components"]}
    assert {("library", "uvicorn"), ("machine-learning-model", "iris")} <= names


def test_certificates_and_schema_go_in(serving, tmp_path):
    (serving.source / "schema.json").write_text('{"swagger": "2.0"}')
    (serving.source / "score.py").write_text(SCRIPT)
    image = Image.create(
        serving.workspace,
        "iris-svc",
        models=[],
        inference=InferenceConfig("score.py", serving.source, schema="schema.json"),
        base_image=str(serving.base),
        ca_file=certifi.where(),
    )
    files = contents(image)
    assert {"opt/aml/ca.pem", "var/azureml-app/swagger.json"} <= set(files)
    assert "SSL_CERT_FILE=/opt/aml/ca.pem" in config_of(image)["config"]["Env"]


def test_every_build_is_a_task(serving):
    serving.image()
    task = Task.list(serving.workspace)[0]
    assert (task.kind, task.subject, task.state) == ("image", "iris-svc:1", "Completed")
    assert [event.new for event in task.events() if event.new] == ["Running", "Completed"]
    assert [event.progress for event in task.events()] == [0.0, FILES_HERE, BUILT, 1.0]
    image = Image.get(serving.workspace, "iris-svc")
    assert task.record.result == {"image": "iris-svc:1", "digest": image.digest, "location": image.location}


def test_an_image_can_be_taken_elsewhere(serving, tmp_path):
    image = serving.image()
    image.pull(tmp_path / "layout")
    image.pull(tmp_path / "layout.tar")
    image.pull(tmp_path / "docker.tar", docker=True)
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == image.digest
    assert Layout(tmp_path / "layout").has(image.digest)
    with tarfile.open(tmp_path / "docker.tar") as archive:
        listed = json.load(archive.extractfile("manifest.json"))
        assert {listed[0]["Config"], *listed[0]["Layers"]} <= set(archive.getnames())
    on_top = serving.image(base_image=str(tmp_path / "layout.tar"))  # a base like any other
    assert "etc/base" in contents(on_top)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entry_script": "nothing.py"}, "There is no scoring script 'nothing.py'"),
        ({"entry_script": "../score.py"}, "is not inside"),
        ({"source_directory": "nowhere"}, "does not exist"),
        ({"environment": {"kind": "docker", "image": "x"}}, "pip or conda environments"),
        ({"environment": {"kind": "pip", "requirement": ["x"]}}, "The environment is wrong"),
        ({"schema": "nothing.json"}, "There is no schema"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(serving, change, words):
    (serving.source / "score.py").write_text(SCRIPT)
    values = {"entry_script": "score.py", "source_directory": serving.source, **change}
    with pytest.raises(InvalidInputError, match=words):
        Image.create(
            serving.workspace, "x", models=[], inference=InferenceConfig(**values), base_image=str(serving.base)
        )
    assert Image.list(serving.workspace) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"builder": "nothing"}, "nothing"),
        ({"registry": {"type": "oci", "address": "x", "password": "plain"}}, "must be a reference"),
        ({"registry": {"type": "oci"}}, "'address' of a container registry of type 'oci' is wrong"),
    ],
)
def test_wrong_options_are_named(serving, options, words):
    from aml_plugins.errors import AmlError

    with pytest.raises(AmlError, match=words):
        serving.image(**options)
    assert Image.list(serving.workspace) == []


def test_a_failed_build_says_why(serving):
    (serving.source / "score.py").write_text(SCRIPT)
    environment = {"kind": "pip", "requirements": ["./no-such-package-here"]}
    with pytest.raises((OperationFailedError, InvalidInputError)):
        Image.create(
            serving.workspace,
            "iris-svc",
            models=[serving.model],
            inference=InferenceConfig("score.py", serving.source, environment),
            base_image=str(serving.base),
        )


def test_a_base_that_is_none_fails_the_build_with_words(serving, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperationFailedError, match="no OCI layout"):
        serving.image(base_image=str(tmp_path / "empty"))
    image = Image.get(serving.workspace, "iris-svc")
    assert (image.state, image.record.error_code) == ("Failed", "invalid_input")
    assert "no OCI layout" in image.get_logs()
    assert image.task.state == "Failed"


def test_a_damaged_base_is_refused(serving, tmp_path):
    base = write_small_base(tmp_path / "damaged", b"other")
    layer = max(
        (path for path in (base / "blobs" / "sha256").iterdir()), key=lambda path: path.read_bytes()[:2] == b"\x1f\x8b"
    )
    layer.write_bytes(b"something else")
    with pytest.raises(OperationFailedError, match="another content"):
        serving.image(base_image=str(base))


def test_a_version_can_be_deleted(serving):
    serving.image().delete()
    with pytest.raises(NotFoundError, match="no image 'iris-svc'"):
        Image.get(serving.workspace, "iris-svc")


def _create_and_stop(home: str, source: str, base: str, at: str) -> None:
    """Begin a build and be killed at a place in it."""
    os.environ["AML_HOME"] = home
    from aml_plugins.images import building

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    owner, name = at.split(".")
    target = getattr(building, owner, None) or building
    setattr(target, name, die)
    Image.create(Workspace.get(), "iris-svc", models=[], inference=InferenceConfig("score.py", source), base_image=base)


@pytest.mark.parametrize("at", ["building.build_spec", "building.store_blobs", "_Build._keep_log", "_Build._tell"])
def test_a_killed_builder_is_made_up_for(serving, aml_home, at):
    (serving.source / "score.py").write_text(SCRIPT)
    context = multiprocessing.get_context("spawn")
    arguments = (str(aml_home), str(serving.source), str(serving.base), at)
    process = context.Process(target=_create_and_stop, args=arguments)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    image = Image.get(serving.workspace, "iris-svc")
    assert image.state == "Building"
    image.wait_for_creation()
    assert image.state == "Succeeded"
    assert [one.version for one in Image.list(serving.workspace)] == [1]
    assert image.task.state == "Completed"
    assert list((aml_home / "builds").iterdir()) == []


def test_a_monitor_finishes_what_lost_its_builder(serving, aml_home):
    from aml_plugins.serving_watch import ServingWatch

    (serving.source / "score.py").write_text(SCRIPT)
    context = multiprocessing.get_context("spawn")
    arguments = (str(aml_home), str(serving.source), str(serving.base), "building.build_spec")
    process = context.Process(target=_create_and_stop, args=arguments)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    watch = ServingWatch(serving.workspace.context)
    assert watch.has_work()
    while watch.round()[0] or watch.has_work():
        time.sleep(0.05)
    assert Image.get(serving.workspace, "iris-svc").state == "Succeeded"


def test_layers_leave_their_root_to_nobody(tmp_path):
    layout = Layout(tmp_path / "layout")
    layer = write_layer(layout, [Entry("/abs/file", content=b"x"), Entry("b", link="abs/file")])
    with tarfile.open(layout.path(layer.digest)) as archive:
        assert archive.getnames() == ["abs", "abs/file", "b"]


def test_a_digest_from_a_manifest_leads_nowhere_else(tmp_path):
    for digest in ("sha256:../../etc/passwd", "md5:00", "sha256:" + "A" * 64, ""):
        with pytest.raises(OperationFailedError, match="is no digest"):
            Layout(tmp_path).path(digest)


def test_models_are_registered_from_files_and_directories(serving, tmp_path):
    folder = tmp_path / "model-folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "weights").write_text("w")
    model = Model.register(serving.workspace, folder, "deep", tags={"a": "b"})
    assert (model.version, model.tags["a"], model.snapshot_digest) == ("1", "b", None)
    downloaded = model.download(tmp_path / "down")
    assert (downloaded / "sub" / "weights").read_text() == "w"
    assert Path(serving.model.download(tmp_path / "file")).read_bytes() == b"weights"
    with pytest.raises(NotFoundError, match="no file or directory"):
        Model.register(serving.workspace, tmp_path / "nothing", "x")
    with pytest.raises(NotFoundError, match="has no version 9"):
        Model.get(serving.workspace, "iris", "9")
