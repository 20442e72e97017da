"""An image's configuration and manifest: what it begins with, who runs it, what starts, where it listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aml_plugins.images.contents import APP_ROOT
from aml_plugins.images.layout import CONFIG_TYPE, MANIFEST_TYPE, Blob, Layout

if TYPE_CHECKING:
    from aml_plugins.images.base_images import Base

__all__ = ["PORT", "USER", "image_manifest"]

USER = "10001:10001"
PORT = 5001


def image_manifest(
    layout: Layout, labels: Mapping[str, str], base: Base, layers: Sequence[Blob], variables: Mapping[str, str]
) -> Blob:
    """Store both; return the manifest.

    :param layers: what lies on the base.
    :param variables: the environment variables, those of the base included.
    """
    config = {
        "architecture": base.architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Entrypoint": ["python3", "-m", "aml_scoring"],
            "Cmd": ["--host", "0.0.0.0", "--port", str(PORT)],  # noqa: S104  inside the container
            "WorkingDir": f"/{APP_ROOT}",
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Labels": dict(labels),
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [*base.diff_ids, *(layer.diff_id for layer in layers)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.put_json(config, CONFIG_TYPE).descriptor(),
        "layers": [*(layer.descriptor() for layer in base.layers), *(layer.descriptor() for layer in layers)],
    }
    return layout.put_json(manifest, MANIFEST_TYPE)
