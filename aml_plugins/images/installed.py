"""What was installed inside an image: the bill of materials of a layer that another program made."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.images.contents import SBOM_PATH
from aml_plugins.images.layers import Entry
from aml_plugins.images.sbom import bill_of_materials

if TYPE_CHECKING:
    from aml_plugins.images.contract import BuildSpec
    from aml_plugins.images.layout import Blob, Layout

__all__ = ["bill_of_layer"]

_RECORDS = ("METADATA", "PKG-INFO")


def bill_of_layer(layout: Layout, layer: Blob, spec: BuildSpec) -> Entry:
    """Return the document, made of the packages' own records in the layer."""
    with tempfile.TemporaryDirectory(prefix="aml-bill-") as folder:
        # As deep as a prefix has it, so that conda's records are found beside it.
        packages, meta = Path(folder, "lib/python/site-packages"), Path(folder, "conda-meta")
        packages.mkdir(parents=True)
        meta.mkdir()
        with tarfile.open(layout.path(layer.digest)) as archive:
            for member in archive:
                _take(archive, member, packages)
        return Entry(SBOM_PATH, content=bill_of_materials(spec.name, packages, spec.models))


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, packages: Path) -> None:
    parts = member.name.split("/")
    if not member.isfile() or parts[-1] not in _RECORDS or not parts[-2].endswith((".dist-info", ".egg-info")):
        return
    file = archive.extractfile(member)
    target = packages / parts[-2] / parts[-1]
    target.parent.mkdir(exist_ok=True)
    if file is not None:
        target.write_bytes(file.read())
