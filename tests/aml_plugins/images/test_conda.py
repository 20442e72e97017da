"""Conda environments in images: they know no directory of the machine that built them, and they run."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest
from services.conda_channel import CondaChannel

from aml_plugins import Image, InferenceConfig, Service
from aml_plugins.errors import OperationFailedError
from aml_plugins.images.conda_prefix import conda_entries
from aml_plugins.images.opening import image_layout

SCRIPT = """
import os, subprocess, sys
import mylib
def init(): pass
def run(data):
    greeting = subprocess.run(["greet"], capture_output=True, text=True).stdout
    return [mylib.ANSWER, greeting, sys.prefix, os.environ["LEVEL"], os.environ["CONDA_PREFIX"]]
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> CondaChannel:
    root = tmp_path_factory.mktemp("conda")
    made = CondaChannel(root / "channel")
    made.add_library("mylib", "3.1", "ANSWER = 42\n")
    made.add("greet", "1.0", {"bin/greet": b"#!/bin/sh\necho hello\n"})
    made.add_python(root / "python")
    made.index()
    shutil.rmtree(root / "python")
    return made


@pytest.fixture
def image(serving, channel, monkeypatch) -> Image:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")  # no conda of this machine's user
    (serving.source / "score.py").write_text(SCRIPT)
    specification = {
        "channels": [channel.address, "nodefaults"],
        "dependencies": ["python", "mylib", "greet", {"pip": ["tomli"]}],
        # A Python made for conda finds its library by itself; this machine's looks where it was installed.
        "variables": {"LEVEL": 3, "LD_LIBRARY_PATH": "/opt/python/lib"},
    }
    inference = InferenceConfig("score.py", serving.source, {"kind": "conda", "specification": specification})
    return Image.create(serving.workspace, "with-conda", models=[], inference=inference)


@pytest.mark.timeout(900)
def test_an_image_with_conda_is_whole_and_runs(image, serving, engine, monkeypatch, built_environments):
    layout = image_layout(serving.workspace.context)
    names = {layer["name"]: layer["digest"] for layer in image.record.result["details"]["layers"]}
    with tarfile.open(layout.path(names["environment"])) as archive:
        members = {member.name: member for member in archive}
        assert {"opt/aml/conda/bin/python3", "opt/aml/conda/bin/greet"} <= set(members)
        assert not [name for name in members if "conda-meta" in name or name.startswith("opt/aml/packages")]
        for member in members.values():
            if member.isfile():
                assert str(built_environments).encode() not in archive.extractfile(member).read(), member.name
    with tarfile.open(layout.path(names["application"])) as archive:
        bill = json.load(archive.extractfile("opt/aml/sbom.cdx.json"))
    bought = {part["purl"] for part in bill["components"]}
    assert {"pkg:conda/greet@1.0", "pkg:conda/mylib@3.1"} <= bought
    assert any(purl.startswith(f"pkg:{'py' + 'pi'}/uvicorn@") for purl in bought)
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    service = image.deploy("with-conda", target="docker", network="host", wait=True, timeout_seconds=600)
    try:
        assert service.run("x") == [42, "hello\n", "/opt/aml/conda", "3", "/opt/aml/conda"]
    finally:
        service.delete()
    assert Service.list(serving.workspace) == []


def test_the_prefix_is_another_in_text_programs_and_links(tmp_path):
    prefix = tmp_path / "a-long-name-of-an-environment"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python\n")
    old = f"{prefix}/share".encode()
    (prefix / "bin" / "program").write_bytes(b"\0\1" + old + b"\0after")
    (prefix / "bin" / "link").symlink_to(prefix / "bin" / "tool")
    (prefix / "lib").symlink_to("bin")
    entries = {entry.path: entry for entry in conda_entries(prefix)}
    assert entries["opt/aml/conda/bin/tool"].content == b"#!/opt/aml/conda/bin/python\n"
    new = b"/opt/aml/conda/share"
    assert entries["opt/aml/conda/bin/program"].content == b"\0\1" + new + b"\0" * (len(old) - len(new)) + b"\0after"
    assert entries["opt/aml/conda/bin/link"].link == "/opt/aml/conda/bin/tool"
    assert entries["opt/aml/conda/lib"].link == "bin"


def test_a_prefix_that_is_too_short_is_a_sentence():
    with pytest.raises(OperationFailedError, match="its path is too short"):
        list(conda_entries(Path("/e")))
