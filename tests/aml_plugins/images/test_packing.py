"""Layers are packed and compiled by all processors, and are the same bytes on any machine."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import resource
import sys
import tarfile

import pytest

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.byte_code import with_byte_code
from aml_plugins.images.layers import Entry, write_layer
from aml_plugins.images.layout import Layout

MANY = 300  # more than one process compiles


@pytest.fixture(params=[1, 7], ids=["one processor", "seven processors"])
def processors(request, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: request.param)


def test_a_layer_is_one_gzip_file_of_the_same_bytes_anywhere(tmp_path, processors):
    content = random.Random(1).randbytes(1000) * 9_500  # more than two members
    layout = Layout(tmp_path)
    layer = write_layer(layout, [Entry("a", content=content), Entry("b", content=b"")])
    packed = layout.path(layer.digest).read_bytes()
    assert (layer.size, layer.digest) == (len(packed), f"sha256:{hashlib.sha256(packed).hexdigest()}")
    assert packed.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == 3
    assert layer.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}"
    with tarfile.open(layout.path(layer.digest)) as archive:
        assert archive.extractfile("a").read() == content


def test_layers_of_one_and_of_seven_processors_are_equal(tmp_path, monkeypatch):
    found = set()
    for count in (1, 7):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        found.add(write_layer(Layout(tmp_path / str(count)), [Entry("a", content=b"ab" * 5_000_000)]))
    assert len(found) == 1


def test_a_layer_that_cannot_be_read_leaves_nothing(tmp_path, processors):
    layout = Layout(tmp_path / "layout")
    with pytest.raises(OperationFailedError, match="cannot be written"):
        write_layer(layout, [Entry("a", content=bytes(9_000_000)), Entry("b", tmp_path / "missing")])
    assert [path for path in layout.root.rglob("*") if path.is_file()] == []


def test_a_file_that_must_not_grow_ends_the_layer(tmp_path, processors):
    layout = Layout(tmp_path / "layout")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OperationFailedError, match="File too large"):
            write_layer(layout, [Entry("a", content=os.urandom(5 << 20))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in layout.root.rglob("*") if path.is_file()] == []


def test_byte_code_does_not_tell_how_many_processors_there_were(tmp_path, monkeypatch):
    for number in range(MANY):
        (tmp_path / f"m{number}.py").write_text(f"def f(value={number}):\n    return {{value, 'word{number}'}}\n")
    (tmp_path / "m7.py").write_text("this is no Python")
    entries = [Entry(path.name, path) for path in tmp_path.iterdir()]
    found = []
    for count in (1, 7):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        found.append([entry for entry in with_byte_code(sys.executable, entries) if entry.source is None])
    assert found[0] == found[1]
    tag = sys.implementation.cache_tag
    assert {entry.path for entry in found[0]} == {f"/__pycache__/m{n}.{tag}.pyc" for n in range(MANY) if n != 7}
