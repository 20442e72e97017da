"""What tests of images and services share: a small base image, a workspace, a scoring script without packages."""

from __future__ import annotations

from pathlib import Path

from aml_plugins import Image, InferenceConfig, Model, Workspace
from aml_plugins.images.layers import Entry, write_layer
from aml_plugins.images.layout import CONFIG_TYPE, MANIFEST_TYPE, Layout
from aml_plugins.images.saving import write_layout

SCRIPT = """
import os, time
def init():
    print("model directory", sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"])))
def run(data):
    return {"version": VERSION, "data": data, "pid": os.getpid()}
VERSION = 1
"""


def write_small_base(target: Path, content: bytes = b"base") -> Path:
    """Write an OCI layout with one file."""
    layout = Layout(target.with_name(f"{target.name}-work"))
    layer = write_layer(layout, [Entry("etc/base", content=content)])
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin", "BASE=1"]},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.put_json(config, CONFIG_TYPE).descriptor(),
        "layers": [layer.descriptor()],
    }
    write_layout(layout, layout.put_json(manifest, MANIFEST_TYPE).digest, target, "base:1")
    return target


class Serving:
    """A workspace with a model, and images made of a script's source."""

    def __init__(self, workspace: Workspace, root: Path) -> None:
        self.workspace = workspace
        self.source = root / "service"
        self.source.mkdir()
        self.base = write_small_base(root / "base")
        file = root / "model.bin"
        file.write_bytes(b"weights")
        self.model = Model.register(workspace, file, "iris")

    def image(self, script: str = SCRIPT, **options: object) -> Image:
        (self.source / "score.py").write_text(script)
        given = {"models": [self.model], "base_image": str(self.base), **options}
        return Image.create(self.workspace, "iris-svc", inference=InferenceConfig("score.py", self.source), **given)
