"""The staging directory on every kind of storage that it may lie in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from services.azurite import Azurite

from aml_backends.hdinsight.staging import Staging
from aml_plugins.errors import BackendError, TransientBackendError

MakeStaging = Callable[[], Staging]


@pytest.fixture(params=["file", "abfs"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    if request.param == "file":
        return Staging(f"file://{tmp_path}/jobs", {})
    azurite: Azurite = request.getfixturevalue("azurite")
    url = f"abfs://{azurite.create_container()}@{azurite.account}.dfs.core.windows.net/jobs"
    return Staging(url, {"connection_string": azurite.connection_string})


def test_files_go_and_come(staging: Staging, tmp_path: Path) -> None:
    local = tmp_path / "snapshot.zip"
    local.write_bytes(os.urandom(100_000))
    assert not staging.exists("job-1")
    staging.put("job-1", "bundle/snapshot.zip", local)
    staging.put("job-1", "bundle/snapshot.zip", local)
    assert staging.exists("job-1")
    assert staging.exists("job-1", "bundle/snapshot.zip")
    assert staging.get("job-1", "bundle/snapshot.zip", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == local.read_bytes()
    assert not staging.get("job-1", "results.tar", tmp_path / "nothing")


def test_a_file_of_another_size_is_replaced(staging: Staging, tmp_path: Path) -> None:
    local = tmp_path / "file"
    for content in (b"half", b"the whole"):
        local.write_bytes(content)
        staging.put("job-1", "file", local)
    assert staging.get("job-1", "file", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"the whole"


def test_statuses_are_read_in_one_round(staging: Staging) -> None:
    staging.write("job-1", "status.json", b'{"state": "running"}')
    staging.write("job-2", "status.json", b'{"state": "run')
    staging.write("job-3", "claim", b"")
    assert staging.statuses(["job-1", "job-2", "job-3"]) == {"job-1": {"state": "running"}, "job-2": {}, "job-3": None}
    assert staging.statuses(["job-1"]) == {"job-1": {"state": "running"}}
    assert staging.statuses(["job-3"]) == {"job-3": None}
    assert staging.statuses([]) == {}


def test_pieces_are_read_with_a_cursor(staging: Staging) -> None:
    log = staging.growing("job-1", "log")
    assert log.since("").data == b""
    staging.write("job-1", "log/00000000", b"one\ntw")
    first = log.since("")
    assert first.data == b"one\ntw"
    assert log.since(first.cursor).data == b""
    staging.write("job-1", "log/00000001", b"o\nthree\n")
    assert log.since(first.cursor).data == b"o\nthree\n"
    assert log.since(log.cursor_at("", 4)).data == b"two\nthree\n"


def test_one_takes_a_job(staging: Staging) -> None:
    staging.write("job-1", "claim", b"")  # as an agent does
    assert not staging.claim("job-1", b"lost")
    assert staging.claim("job-2", b"lost")
    assert staging.claim("job-2", b"lost")
    assert not staging.claim("job-2", b"")


def test_jobs_are_listed_and_deleted(staging: Staging) -> None:
    assert staging.keys() == []
    for key in ("job-2", "job-1"):
        staging.write(key, "claim", b"")
    assert staging.keys() == ["job-1", "job-2"]
    staging.delete("job-1")
    staging.delete("job-1")
    assert staging.keys() == ["job-2"]
    staging.check()
    assert staging.keys() == ["job-2"]


def test_folders_that_hadoop_marks_go_with_what_is_in_them(azurite: Azurite) -> None:
    """As ``wasb://`` leaves them: an empty blob of the folder's name, beside those whose names begin with it."""
    container = azurite.create_container()
    staging = Staging(
        f"wasb://{container}@{azurite.account}.blob.core.windows.net/jobs",
        {"connection_string": azurite.connection_string},
    )
    staging.write("job-1", "log/00000000", b"said")
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        blobs = client.get_container_client(container)
        blobs.upload_blob("jobs/job-1", b"", metadata={"hdi_isfolder": "true"})
        staging.delete("job-1")
        assert list(blobs.list_blob_names()) == []
    assert staging.keys() == []


def test_a_wrong_key_is_told_without_it(azurite: Azurite) -> None:
    wrong = azurite.connection_string.replace(azurite.key, "aHVudGVyMmh1bnRlcjI=")
    staging = Staging(f"abfs://jobs@{azurite.account}.dfs.core.windows.net/jobs", {"connection_string": wrong})
    with pytest.raises(BackendError, match="The staging directory abfs://") as caught:
        staging.check()
    assert not isinstance(caught.value, TransientBackendError)
    assert "aHVudGVy" not in str(caught.value)
