"""Images of the Docker engine: brought there as a base, brought back as layers."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.base_images import Base, base_manifest
from aml_plugins.images.layers import keep_layer, known_layer, note_layer
from aml_plugins.images.layout import Blob, Layout
from aml_plugins.images.platforms import ARCHITECTURE
from aml_plugins.images.saving import docker_archive

__all__ = ["describe", "export_layers", "load_base"]


def describe(client: Any, reference: str) -> Base:
    """Return what an image of the engine is, pulled where it is not there; its layers stay where they are."""
    import docker.errors  # noqa: PLC0415  of an extra

    try:
        found = client.images.get(reference)
    except docker.errors.ImageNotFound:
        found = client.images.pull(reference)
    pairs = (str(pair).partition("=") for pair in found.attrs["Config"].get("Env") or ())
    return Base(
        name=reference,
        layers=(),
        diff_ids=[str(one) for one in found.attrs["RootFS"]["Layers"]],
        variables={name: value for name, _, value in pairs},
        architecture=str(found.attrs.get("Architecture", ARCHITECTURE)),
    )


def load_base(client: Any, layout: Layout, base: Base) -> str:
    """Bring a base into the engine where it is not there; return its tag."""
    import docker.errors  # noqa: PLC0415  of an extra

    digest = base_manifest(layout, base)
    tag = f"aml/base:{digest.partition(':')[2][:24]}"
    try:
        client.images.get(tag)
    except docker.errors.ImageNotFound:
        with tempfile.TemporaryFile(prefix="aml-base-") as file:
            docker_archive(layout, digest, file, tag)
            file.seek(0)
            client.images.load(file)
    return tag


def export_layers(client: Any, layout: Layout, image: str, log: Callable[[str], None]) -> list[Blob]:
    """Return all layers of an image, those that are not in the layout brought there."""
    diff_ids = [str(one) for one in client.images.get(image).attrs["RootFS"]["Layers"]]
    known = {diff_id: layer for diff_id in diff_ids if (layer := known_layer(layout, _key(diff_id)))}
    if set(diff_ids) - set(known):
        with tempfile.TemporaryFile(prefix="aml-engine-") as file:
            for piece in client.api.get_image(image):
                file.write(piece)
            file.seek(0)
            for diff_id, layer in _kept(layout, file, set(known)):
                known[diff_id] = layer
                log(f"{diff_id[:19]} kept, {layer.size} bytes.")
    return [known[diff_id] for diff_id in diff_ids]


def _kept(layout: Layout, file: IO[bytes], known: set[str]) -> Iterator[tuple[str, Blob]]:
    """Yield the layers of a saved image that are not known, each checked against its digest."""
    with tarfile.open(fileobj=file) as archive:
        listed = _json(archive, "manifest.json")[0]
        diff_ids = _json(archive, listed["Config"])["rootfs"]["diff_ids"]
        for diff_id, path in zip(diff_ids, listed["Layers"], strict=True):
            source = archive.extractfile(path)
            if diff_id in known or source is None:
                continue
            layer = keep_layer(layout, source)
            if layer.diff_id != diff_id:
                raise OperationFailedError(f"The Docker engine sent another content for {diff_id}.", "Build it again.")
            note_layer(layout, _key(diff_id), layer)
            yield diff_id, layer


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise OperationFailedError(f"The Docker engine sent no {name}.", "Build it again.")
    return json.load(file)


def _key(diff_id: str) -> list[str]:
    return ["engine-layer", diff_id]
