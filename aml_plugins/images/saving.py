"""Images as files for other tools: an OCI layout, or what ``docker load`` takes."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import IO

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.layout import INDEX_TYPE, Layout

__all__ = ["write_docker_archive", "write_layout"]


def write_layout(layout: Layout, digest: str, target: Path, name: str) -> None:
    """Write one image as an OCI layout: a directory, or a tar file where the name ends in ``.tar``.

    :raises InvalidInputError: for a directory that has other files.
    """
    if target.is_dir() and not (target / "oci-layout").exists() and any(target.iterdir()):
        raise InvalidInputError(f"The directory '{target}' has other files.", "Name one that is empty, or not there.")
    if target.suffix == ".tar":
        with tempfile.TemporaryDirectory() as folder:
            _write_directory(layout, digest, Path(folder), name)
            with tarfile.open(target, "w") as archive:
                for path in sorted(Path(folder).rglob("*")):
                    archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    else:
        _write_directory(layout, digest, target, name)


def write_docker_archive(layout: Layout, digest: str, target: Path, name: str) -> None:
    """Write what ``docker load`` takes: also engines that know no OCI layout."""
    with target.open("wb") as file:
        docker_archive(layout, digest, file, name)


def docker_archive(layout: Layout, digest: str, file: IO[bytes], name: str) -> None:
    """Write the same to an open file; engines read compressed layers too."""
    config, *layers, _ = layout.blobs_of(digest)
    members = {f"{config.digest.partition(':')[2]}.json": config.digest}
    names = []
    for layer in layers:
        names.append(f"{layer.digest.partition(':')[2]}/layer.tar")
        members[names[-1]] = layer.digest
    listed = [{"Config": next(iter(members)), "RepoTags": [name], "Layers": names}]
    with tarfile.open(fileobj=file, mode="w") as archive:
        for member, blob in members.items():
            archive.add(layout.path(blob), member)
        content = json.dumps(listed).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(content)
        archive.addfile(info, BytesIO(content))


def _write_directory(layout: Layout, digest: str, target: Path, name: str) -> None:
    blobs = layout.blobs_of(digest)
    for blob in blobs:
        path = Layout(target).path(blob.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            shutil.copyfile(layout.path(blob.digest), path)
    named = {**blobs[-1].descriptor(), "annotations": {"org.opencontainers.image.ref.name": name}}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [named]}
    (target / "index.json").write_text(json.dumps(index))
    (target / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
