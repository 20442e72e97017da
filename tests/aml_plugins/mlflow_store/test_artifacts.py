"""Files into and out of a run, on a local disk and in another kind of store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from aml_plugins.errors import InvalidInputError, NotFoundError, StoreError
from aml_plugins.mlflow_store import artifacts
from aml_plugins.mlflow_store.local_files import LocalFiles
from aml_plugins.runs.run_files import check_path


class RemoteRepository(ArtifactRepository):
    """A store that is no local directory to the code under test: it keeps copies in one."""

    def __init__(self, directory: Path) -> None:
        super().__init__("remote://store")
        self.inner = LocalArtifactRepository(str(directory))

    def log_artifact(self, local_file, artifact_path=None):
        self.inner.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir, artifact_path=None):
        self.inner.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path=None):
        return self.inner.list_artifacts(path)

    def _download_file(self, remote_file_path, local_path):
        self.inner._download_file(remote_file_path, local_path)


@pytest.fixture(params=[LocalArtifactRepository, RemoteRepository])
def repository(request, tmp_path):
    root = tmp_path / "artifacts"
    return request.param(str(root)) if request.param is LocalArtifactRepository else request.param(root)


@pytest.fixture
def outputs(tmp_path):
    folder = tmp_path / "home" / "job" / "outputs"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "model.txt").write_text("weights")
    (folder / "deep" / "er" / "grün.txt").write_text("x")
    return folder


def stored(tmp_path):
    root = tmp_path / "artifacts"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_directory_keeps_its_shape(repository, outputs, tmp_path):
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    assert stored(tmp_path) == ["outputs/deep/er/grün.txt", "outputs/model.txt"]


def test_a_file_goes_under_the_path(repository, outputs, tmp_path):
    artifacts.files_in(repository).upload(outputs / "model.txt", "", link=False)
    artifacts.files_in(repository).upload(outputs / "model.txt", "a/b", link=False)
    assert stored(tmp_path) == ["a/b/model.txt", "model.txt"]


def test_storing_again_replaces(repository, outputs, tmp_path):
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    (outputs / "model.txt").unlink()
    (outputs / "model.txt").write_text("better")
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    assert (tmp_path / "artifacts/outputs/model.txt").read_text() == "better"


def test_links_out_and_special_files_stay_out(repository, outputs, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (outputs / "out.txt").symlink_to(tmp_path / "secret.txt")
    (outputs / "up").symlink_to(tmp_path)
    (outputs / "dangling").symlink_to("nowhere")
    (outputs / "same.txt").symlink_to("model.txt")
    os.mkfifo(outputs / "pipe")
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    assert stored(tmp_path) == ["outputs/deep/er/grün.txt", "outputs/model.txt", "outputs/same.txt"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "a\\..\\b", "~/x"])
def test_paths_that_leave_are_refused(repository, path):
    for ask in (
        lambda: check_path(path),
        lambda: artifacts.files_in(repository).files(path),
        lambda: artifacts.files_in(repository).download(path, Path("unused")),
    ):
        with pytest.raises(InvalidInputError, match="not a path within"):
            ask()


def test_one_level_is_listed(repository, outputs):
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    assert [(file.path, file.is_directory, file.size) for file in artifacts.files_in(repository).files("outputs")] == [
        ("outputs/deep", True, None),
        ("outputs/model.txt", False, 7),
    ]
    assert artifacts.files_in(repository).files("nowhere") == []


def test_files_and_directories_come_back(repository, outputs, tmp_path):
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    there = tmp_path / "there"
    assert artifacts.files_in(repository).download("outputs/model.txt", there) == there / "outputs/model.txt"
    assert (there / "outputs/model.txt").read_text() == "weights"
    assert artifacts.files_in(repository).download("outputs/deep", there) == there / "outputs/deep"
    assert (there / "outputs/deep/er/grün.txt").read_text() == "x"
    assert (
        artifacts.files_in(repository).download("", tmp_path / "all") / "outputs/model.txt"
    ).read_text() == "weights"


def test_missing_files_are_named(repository, tmp_path):
    with pytest.raises(NotFoundError, match=r"no artifact 'outputs/no\.txt'"):
        artifacts.files_in(repository).download("outputs/no.txt", tmp_path)
    with pytest.raises(NotFoundError, match=r"no file '.*/no.txt'"):
        artifacts.files_in(repository).upload(tmp_path / "no.txt", "", link=False)


def test_files_that_cannot_change_are_linked(outputs, tmp_path):
    repository = LocalArtifactRepository(str(tmp_path / "artifacts"))
    artifacts.files_in(repository).upload(outputs, "outputs", link=True)
    artifacts.files_in(repository).upload(outputs, "outputs", link=True)
    assert (tmp_path / "artifacts/outputs/model.txt").samefile(outputs / "model.txt")
    assert stored(tmp_path) == ["outputs/deep/er/grün.txt", "outputs/model.txt"]


def test_other_files_are_copied(outputs, tmp_path):
    repository = LocalArtifactRepository(str(tmp_path / "artifacts"))
    artifacts.files_in(repository).upload(outputs, "outputs", link=False)
    assert not (tmp_path / "artifacts/outputs/model.txt").samefile(outputs / "model.txt")


def test_a_download_is_no_link(outputs, tmp_path):
    repository = LocalArtifactRepository(str(tmp_path / "artifacts"))
    artifacts.files_in(repository).upload(outputs, "outputs", link=True)
    artifacts.files_in(repository).download("outputs/model.txt", tmp_path / "mine")
    (tmp_path / "mine/outputs/model.txt").write_text("scribbled over")
    assert (tmp_path / "artifacts/outputs/model.txt").read_text() == "weights"


def test_what_cannot_be_stored_is_a_sentence(outputs, tmp_path):
    (tmp_path / "artifacts").write_text("a file is in the way")
    with pytest.raises(StoreError, match=r"'outputs' cannot be stored with the run: .*Free space"):
        artifacts.files_in(LocalArtifactRepository(str(tmp_path / "artifacts"))).upload(outputs, "x", link=False)


def test_what_is_taken_is_linked_under_its_path_however_often(outputs, tmp_path):
    """As after a driver that was killed: one file is there, another is what an earlier attempt left."""
    taken = {outputs / "model.txt": "outputs/model.txt", outputs / "deep/er/grün.txt": "logs/a/b.txt"}
    (tmp_path / "artifacts/logs/a").mkdir(parents=True)
    (tmp_path / "artifacts/logs/a/b.txt").write_text("of an earlier attempt")
    files = LocalFiles(tmp_path / "artifacts")
    for _ in range(2):
        files.take((str(source), path) for source, path in taken.items())
        assert stored(tmp_path) == sorted(taken.values())
        assert all((tmp_path / "artifacts" / path).samefile(source) for source, path in taken.items())
    with pytest.raises(StoreError, match=r"'model.txt' cannot be stored with the run: .*Free space"):
        files.take([(str(outputs / "model.txt"), "outputs/model.txt/below")])
