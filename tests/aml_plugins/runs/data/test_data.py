"""Runs that read from datastores and write to them, on a target that has the files at hand and on one that has not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aml_backends.local import backend as local
from aml_plugins import DataReference, Experiment, Run, RunConfiguration, ScriptRunConfig, Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.runs.data import bringing

SCRIPT = """\
import json, os, pathlib, sys
seen = {}
for name, value in os.environ.items():
    if name.startswith("AZUREML_DATAREFERENCE_") or name == "IMAGES":
        path = pathlib.Path(value)
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        seen[name] = {str(p.relative_to(path)) if p != path else p.name: p.read_text() for p in files}
out = os.environ.get("AZUREML_DATAREFERENCE_result")
if out:
    pathlib.Path(out, "deep").mkdir()
    pathlib.Path(out, "deep", "r.txt").write_text("result of " + " ".join(sys.argv[1:]).partition("/")[0])
    pathlib.Path(out, "link").symlink_to("/etc/hostname")
signatures = [name for name in os.environ if "SIGNATURE" in name]
arguments = [pathlib.Path(a).exists() for a in sys.argv[1:] if "/" in a]
named = os.environ.get("train") == os.environ.get("AZUREML_DATAREFERENCE_train")
print(json.dumps({"seen": seen, "signatures": signatures, "arguments": arguments, "named": named}))
if "--fail" in sys.argv:
    sys.exit(3)
"""


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.create("team-a")


@pytest.fixture(params=["own machine", "elsewhere"])
def target(request, monkeypatch):
    """Where the job runs: beside its driver, or where it has only what travels with it."""
    monkeypatch.setattr(local.LocalBackend, "shares_files", request.param == "own machine")
    return request.param


@pytest.fixture
def blob(workspace, azurite, monkeypatch):
    monkeypatch.setenv("STORAGE", azurite.key)
    return workspace.register_datastore(
        "azure-blob",
        "blob",
        container=azurite.create_container(),
        account_url=azurite.url,
        account_key="secret://env/STORAGE",
    )


@pytest.fixture
def files(tmp_path) -> Path:
    made = tmp_path / "files"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("A")
    (made / "deep" / "b ü.txt").write_text("B")
    return made


@pytest.fixture
def project(tmp_path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(SCRIPT)
    return directory


def submit(workspace: Workspace, project: Path, data: dict, *arguments: str) -> Run:
    config = ScriptRunConfig(project, script="train.py", arguments=arguments, data=data)
    return Experiment(workspace, "e").submit(config)


def printed(run: Run) -> dict:
    return json.loads(run.get_logs().strip().splitlines()[-1])


BOTH = {"a.txt": "A", "deep/b ü.txt": "B"}


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("kind", ["blob", "directory"])
@pytest.mark.parametrize("mode", ["download", "mount"])
def test_a_script_reads_and_writes(request, workspace, *, files, project, tmp_path, kind, mode):
    if kind == "blob":
        request.getfixturevalue("blob")
    else:
        workspace.register_datastore("directory", "blob", path=str(tmp_path / "root"))
    workspace.datastores["blob"].upload(files, "in")
    data = {
        "train": {"datastore": "blob", "path": "in", "mode": mode},
        "one": {"datastore": "blob", "path": "in/deep/b ü.txt", "mode": mode, "environment_variable": "IMAGES"},
        "result": {"datastore": "blob", "path": "out/1", "mode": "upload"},
    }
    run = submit(workspace, project, data, "$AZUREML_DATAREFERENCE_train", "--x=$AZUREML_DATAREFERENCE_nothing")
    run.wait_for_completion()
    said = printed(run)
    assert said["seen"]["AZUREML_DATAREFERENCE_train"] == BOTH
    assert said["seen"]["IMAGES"] == {"b ü.txt": "B"}
    assert said["arguments"] == [True]
    assert said["named"], "as Azure ML's named inputs"
    assert dict(workspace.datastores["blob"].list("out")).keys() == {"out/1/deep/r.txt"}
    assert dict(workspace.datastores["blob"].list("in")).keys() == {"in/a.txt", "in/deep/b ü.txt"}, "inputs stay"
    assert any("Stored 1 files of 'result'" in event.message for event in run.events())


def test_large_inputs_are_fetched_by_the_job_itself(workspace, *, blob, files, project, monkeypatch, aml_home):
    monkeypatch.setattr(local.LocalBackend, "shares_files", False)
    monkeypatch.setattr(bringing, "SMALL", 0)
    blob.upload(files, "in")
    data = {
        "train": {"datastore": "blob", "path": "in"},
        "one": {"datastore": "blob", "path": "in/a.txt"},
    }
    run = submit(workspace, project, data)
    run.wait_for_completion()
    said = printed(run)
    assert said["seen"] == {
        "AZUREML_DATAREFERENCE_train": BOTH,
        "AZUREML_DATAREFERENCE_one": {"a.txt": "A"},
    }
    assert said["signatures"] == [], "the script does not see them"
    for path in aml_home.rglob("*"):
        assert not path.is_file() or b"sig=" not in path.read_bytes(), path


def test_many_inputs_are_fetched_with_one_signature(workspace, blob, files, project, monkeypatch):
    monkeypatch.setattr(local.LocalBackend, "shares_files", False)
    monkeypatch.setattr(bringing, "SMALL", 0)
    monkeypatch.setattr(bringing, "MOST_SIGNED", 1)
    blob.upload(files)
    run = submit(workspace, project, {"train": {"datastore": "blob"}})
    run.wait_for_completion()
    assert printed(run)["seen"]["AZUREML_DATAREFERENCE_train"] == BOTH


def test_an_input_that_vanishes_fails_the_run_with_a_sentence(workspace, blob, files, project, monkeypatch):
    monkeypatch.setattr(local.LocalBackend, "shares_files", False)
    monkeypatch.setattr(bringing, "SMALL", 0)
    blob.upload(files, "in")
    listing = bringing._listing

    def list_and_delete(step, run, name, path, found):
        made = listing(step, run, name, path, found)
        blob.delete("in/a.txt")
        return made

    monkeypatch.setattr(bringing, "_listing", list_and_delete)
    run = submit(workspace, project, {"train": {"datastore": "blob", "path": "in"}})
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Failed"
    assert "The data cannot be fetched (train: a.txt): the datastore answered 404" in run.get_details()["reason"]


@pytest.mark.usefixtures("target")
def test_data_lie_where_the_configuration_says(workspace, blob, files, project):
    (project / "train.py").write_text(
        "import pathlib, os\n"
        "assert pathlib.Path('data/in/a.txt').read_text() == 'A'\n"
        "pathlib.Path('results/r.txt').write_text('R')\n"
    )
    blob.upload(files, "in")
    data = {
        "train": {"datastore": "blob", "path": "in", "path_on_compute": "data/in"},
        "result": {"datastore": "blob", "path": "out", "mode": "upload", "path_on_compute": "results"},
    }
    submit(workspace, project, data).wait_for_completion()
    assert list(blob.list("out")) == [("out/r.txt", 1)]


def test_a_place_that_the_source_directory_has_is_refused(workspace, blob, files, project):
    (project / "data").mkdir()
    (project / "data" / "x").touch()
    blob.upload(files, "in")
    data = {"train": {"datastore": "blob", "path": "in", "path_on_compute": "data"}}
    run = submit(workspace, project, data)
    run.wait_for_completion(raise_on_error=False)
    assert "the source directory has it already" in run.get_details()["reason"]


def test_outputs_of_a_failed_script_are_not_stored(workspace, blob, project):
    data = {"result": {"datastore": "blob", "path": "out", "mode": "upload"}}
    run = submit(workspace, project, data, "--fail")
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Failed"
    assert list(blob.list()) == []


def test_what_is_in_the_way_is_replaced_only_where_that_is_wanted(workspace, blob, project, tmp_path):
    (tmp_path / "old").write_text("theirs")
    blob.put(tmp_path / "old", "out/deep/r.txt")
    data = {"result": {"datastore": "blob", "path": "out", "mode": "upload"}}
    run = submit(workspace, project, data)
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Failed"
    assert "'out/deep/r.txt' is in the datastore 'blob' already" in run.get_details()["reason"]
    data["result"]["overwrite"] = True
    submit(workspace, project, data).wait_for_completion()
    blob.get("out/deep/r.txt", tmp_path / "new")
    assert (tmp_path / "new").read_text().startswith("result")


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ({"a-b": {"datastore": "blob"}}, InvalidInputError, "'a-b' cannot be the name of data"),
        ({"a": {"datastore": "nowhere"}}, NotFoundError, "has no datastore 'nowhere'"),
        ({"a": {"datastore": "blob", "path": "none"}}, NotFoundError, "has nothing at 'none'"),
        ({"a": {"datastore": "blob", "path": "../x"}}, InvalidInputError, "is no path in a datastore"),
        ({"a": {"datastore": "blob", "environment_variable": "A=B"}}, InvalidInputError, "variable that cannot be"),
        ({"a": {"datastore": "blob", "path_on_compute": "/tmp/x"}}, InvalidInputError, "cannot be at '/tmp/x'"),
        ({"a": {"datastore": "blob", "path_on_compute": "x/../../y"}}, InvalidInputError, "cannot be at"),
        ({"a": {"datastore": "blob", "path_on_compute": "outputs/x"}}, InvalidInputError, "cannot be at"),
        (
            {
                "a": {"datastore": "blob", "path": "in", "path_on_compute": "x"},
                "b": {"datastore": "blob", "path": "in", "path_on_compute": "./x"},
            },
            InvalidInputError,
            "would be at the same place",
        ),
    ],
)
def test_data_that_cannot_be_brought_are_refused_before_anything_is_written(
    workspace, blob, files, project, *, data, error, said
):
    blob.upload(files, "in")
    with pytest.raises(error, match=said):
        submit(workspace, project, data)
    assert workspace.context.store.runs.list(workspace.name) == []


def test_too_much_for_a_target_that_cannot_fetch_is_said(workspace, files, project, monkeypatch, tmp_path):
    monkeypatch.setattr(local.LocalBackend, "shares_files", False)
    monkeypatch.setattr(bringing, "LARGEST_BUNDLED", 1)
    workspace.register_datastore("directory", "disk", path=str(tmp_path / "root")).upload(files, "in")
    run = submit(workspace, project, {"train": {"datastore": "disk", "path": "in"}})
    run.wait_for_completion(raise_on_error=False)
    assert "are too much to travel with a run" in run.get_details()["reason"]


def test_a_driver_that_is_killed_does_not_bring_everything_again(workspace, blob, files, project, monkeypatch):
    monkeypatch.setattr(local.LocalBackend, "shares_files", False)
    blob.upload(files, "in")
    downloads = []
    download = type(blob).download

    def counted(self, *arguments, **options):
        downloads.append(arguments)
        return download(self, *arguments, **options)

    monkeypatch.setattr(type(blob), "download", counted)
    killed = []

    class Killed(BaseException):
        """Stands for SIGKILL right before the job is handed over."""

    submit_job = local.LocalBackend.submit

    def kill_once(self, spec, key):
        if not killed:
            killed.append(key)
            raise Killed
        return submit_job(self, spec, key)

    monkeypatch.setattr(local.LocalBackend, "submit", kill_once)
    with pytest.raises(Killed):
        submit(workspace, project, {"train": {"datastore": "blob", "path": "in"}})
    (record,) = workspace.context.store.runs.list(workspace.name)
    workspace.driver.release()
    run = workspace.get_run(record.run_id)
    run.wait_for_completion()
    assert printed(run)["seen"]["AZUREML_DATAREFERENCE_train"] == BOTH
    assert len(downloads) == 1


def test_an_azure_ml_v1_data_reference_is_brought(workspace, blob, files, project):
    blob.upload(files, "in")
    (project / ".azureml").mkdir()
    reference = {"dataStoreName": "blob", "mode": "download", "pathOnDataStore": "in"}
    (project / ".azureml" / "v1.runconfig").write_text(
        json.dumps(
            {
                "script": "train.py",
                "arguments": ["--data", "$AZUREML_DATAREFERENCE_train"],
                "target": "local",
                "dataReferences": {"train": reference},
            }
        )
    )
    config = RunConfiguration.load(project, "v1")
    run = Experiment(workspace, "e").submit(ScriptRunConfig(project, run_config=config))
    run.wait_for_completion()
    assert printed(run)["seen"]["AZUREML_DATAREFERENCE_train"] == BOTH
    assert printed(run)["arguments"] == [True]


def test_data_references_of_azure_ml_v1_are_arguments(workspace, blob, files, project):
    blob.upload(files, "in")
    out = DataReference("blob", "result", "out").as_upload(overwrite=True)
    arguments = ["--data", blob.path("in").as_download(path_on_compute="here"), 3]
    config = ScriptRunConfig(project, script="train.py", arguments=arguments, data=[out])
    run = Experiment(workspace, "e").submit(config)
    run.wait_for_completion()
    assert printed(run)["seen"]["AZUREML_DATAREFERENCE_blob_in"] == BOTH
    assert printed(run)["arguments"] == [True]
    assert dict(blob.list("out")).keys() == {"out/deep/r.txt"}
    assert config.configuration.data["blob_in"].path_on_compute == "here"
    assert config.configuration.data["result"].overwrite


def test_two_references_of_one_name_are_refused(project):
    reference = DataReference("blob", path_on_datastore="2026/in")
    assert str(reference) == "$AZUREML_DATAREFERENCE_blob_2026_in"
    assert str(DataReference("2")) == "$AZUREML_DATAREFERENCE_data_2"
    with pytest.raises(InvalidInputError, match="have the name 'blob_2026_in'"):
        ScriptRunConfig(project, script="train.py", arguments=[reference.as_mount(), reference.as_download()])
