"""Archives of models from a server that is none of ours."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from services.answering_server import answering, said

from aml_plugins.errors import StoreError
from aml_plugins.mlflow_rest.models import download_model
from aml_plugins.store.rest.store import connect


def packed(files, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def brought(tmp_path):
    def bring(archive):
        with answering(said(200, archive, "application/octet-stream")) as url:
            return download_model(connect(url), "team-a", "flower", "1", tmp_path / "there")

    return bring


@pytest.fixture
def refused(brought, tmp_path):
    """Bring an archive that is refused; nothing of it may be there."""

    def bring(archive, match):
        with pytest.raises(StoreError, match=match):
            brought(archive)
        assert list((tmp_path / "there").iterdir()) == []

    return bring


def overlapping(copies, size):
    """Return an archive whose members are all the same bytes of it."""
    whole = packed([("model/0", b"x" * size)])
    directory, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entry = whole[directory:end]
    entries = b"".join(entry.replace(b"model/0", b"model/%d" % number) for number in range(copies))
    counts = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, copies, copies, len(entries), directory, 0)
    return whole[:directory] + entries + counts


def test_what_a_server_packs_is_unpacked_over_what_is_there(brought, tmp_path):
    (tmp_path / "there" / "model").mkdir(parents=True)
    (tmp_path / "there" / "model" / "weights").write_text("old")
    found = brought(packed([("model/weights", "new"), ("model/sub/MLmodel", "flavors: {}")]))
    assert found == tmp_path / "there" / "model"
    assert ((found / "weights").read_text(), (found / "sub" / "MLmodel").read_text()) == ("new", "flavors: {}")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["model"]


def test_a_bomb_is_not_inflated(refused):
    bomb = packed([("model/weights", b"\0" * 30_000_000)], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    refused(bomb, "is compressed or encrypted")


def test_members_that_overlap_are_refused(brought, refused):
    alone = brought(overlapping(1, 1000))
    assert (alone / "0").read_bytes() == b"x" * 1000
    (alone / "0").unlink()
    alone.rmdir()
    refused(overlapping(9, 1000), r"of 1,\d+ bytes would become 9,000 bytes")


def test_a_member_that_holds_more_than_it_says(refused):
    archive = bytearray(packed([("model/a", b"x" * 1000)]))
    struct.pack_into("<L", archive, archive.index(b"PK\1\2") + 24, 10)
    refused(bytes(archive), "is damaged")


@pytest.mark.parametrize("name", ["../out", "/out", "model/../../out", "model\\out"])
def test_nothing_leads_out(refused, name):
    refused(packed([("model/weights", "fine"), (name, "not")]), "leads out of it")


def test_damage_is_found_before_anything_is_there(refused):
    archive = packed([("model/a", "first"), ("model/b", "second")])
    refused(archive.replace(b"second", b"secomd"), "is damaged")
    refused(archive[:40], "is damaged")
    refused(packed([("model/a", "a file"), ("model/a/b", "below it")]), "is damaged")
