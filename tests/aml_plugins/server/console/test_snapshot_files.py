"""Looking into a snapshot: bounded, without unpacking, whatever the zip says."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aml_plugins.server.console.snapshot_files import SHOWN_BYTES

MINE = "/api/2.0/aml/console/workspaces/team-a"


@pytest.fixture
def look(client: TestClient, add_run, add_snapshot):
    """Store a snapshot, and read one of its files."""

    def read(members: dict[str, bytes], path: str | None = None, **options):
        snapshot = add_snapshot(members, **options)
        run = add_run(snapshot_digest=snapshot.digest)
        address = f"{MINE}/runs/{run.run_id}/snapshot"
        return client.get(f"{address}/file", params={"path": path}) if path is not None else client.get(address)

    return read


def test_the_tree_has_every_file(look) -> None:
    found = look({"train.py": b"x", "pkg/data.py": b"yy", "pkg/": b""}).json()
    assert found["files"] == [
        {"path": "train.py", "size": 1, "link": False},
        {"path": "pkg/data.py", "size": 2, "link": False},
    ]
    assert found["left_out"] == 0


def test_a_files_text_is_shown_as_it_is(look) -> None:
    text = "<script>alert('é')</script>\n"
    found = look({"a.py": text.encode()}, "a.py").json()
    assert (found["text"], found["whole"], found["size"]) == (text, True, len(text.encode()))


def test_a_long_file_is_cut_between_characters(look) -> None:
    found = look({"a.txt": ("é" * SHOWN_BYTES).encode()}, "a.txt").json()
    assert set(found["text"]) == {"é"}
    assert len(found["text"].encode()) == SHOWN_BYTES
    assert found["whole"] is False
    odd = look({"a.txt": b"x" + ("é" * SHOWN_BYTES).encode()}, "a.txt")
    assert odd.status_code == 200


def test_what_is_no_text_is_not_shown(look) -> None:
    assert look({"a.bin": b"\0\1\2"}, "a.bin").json()["text"] is None
    assert look({"a.bin": b"\xff\xfe\xfd\xfc\xfb"}, "a.bin").json()["text"] is None


@pytest.mark.parametrize("path", ["nothing", "../a.py", "/etc/passwd", "pkg/", "pkg", "", "a\0"])
def test_no_other_file_is_shown(look, path: str) -> None:
    assert look({"a.py": b"x", "pkg/": b"", "pkg/b.py": b""}, path).status_code in {400, 404}


def test_a_member_that_claims_to_be_outside_is_a_name_like_any_other(look) -> None:
    found = look({"../../evil": b"inside the zip"}, "../../evil").json()
    assert found["text"] == "inside the zip"


def test_a_bomb_is_not_inflated_further_than_is_shown(look) -> None:
    found = look({"bomb": b"0" * (200 << 20)}, "bomb").json()
    assert len(found["text"]) == SHOWN_BYTES
    assert found["whole"] is False


def test_a_link_says_where_it_leads(look, tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    found = look({}, "link", raw=path.read_bytes()).json()
    assert (found["link"], found["text"]) == (True, "/etc/passwd")


def test_a_damaged_snapshot_is_a_sentence(look) -> None:
    answer = look({}, raw=b"PK\3\4 no zip")
    assert answer.status_code == 503
    assert "damaged" in answer.json()["message"]


def test_a_run_without_a_snapshot(client: TestClient, add_run) -> None:
    run = add_run()
    assert client.get(f"{MINE}/runs/{run.run_id}/snapshot").status_code == 404
