"""Pack a static program as a container image: python3 pause_image.py PROGRAM ARCHIVE."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path


def archive_of(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content, mode in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def main(program: str, target: str) -> None:
    layer = archive_of([("pause", Path(program).read_bytes(), 0o755)])
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": ["aml.test/pause:1"], "Layers": ["layer.tar"]}]
    parts = [("manifest.json", manifest), ("config.json", config)]
    files = [(name, json.dumps(value).encode(), 0o644) for name, value in parts]
    Path(target).write_bytes(archive_of([*files, ("layer.tar", layer, 0o644)]))


main(*sys.argv[1:])
