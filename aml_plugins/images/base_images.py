"""Base images: this machine's Python, an OCI layout in a directory or a tar file, or a registry."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.byte_code import with_byte_code
from aml_plugins.images.host_python import PYTHON_PATH, host_python_entries, host_python_key
from aml_plugins.images.layers import Entry, cached_layer
from aml_plugins.images.layout import CONFIG_TYPE, MANIFEST_TYPE, Blob, Layout
from aml_plugins.images.platforms import ARCHITECTURE, chosen_manifest

if TYPE_CHECKING:
    from aml_plugins.images.contract import ContainerRegistry

__all__ = ["HOST_PYTHON", "Base", "base_manifest", "open_base", "open_layout"]

HOST_PYTHON = "host-python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The layers that an image begins with.

    :param variables: environment variables that programs in it rely on.
    """

    name: str
    layers: Sequence[Blob]
    diff_ids: Sequence[str]
    variables: Mapping[str, str]
    architecture: str


def open_base(
    layout: Layout, reference: str | None, log: Callable[[str], None], registry: ContainerRegistry | None = None
) -> Base:
    """Return a base, its blobs brought into the layout.

    :param reference: ``host-python``, the path of an OCI layout (a directory or a tar file), or
        ``HOST/REPOSITORY:TAG`` of a registry.
    :param registry: where the image goes: a base that is there too is pulled with the same login, others without one.
    """
    if reference is None or reference == HOST_PYTHON:
        return _host_python(layout, log)
    path = Path(reference).expanduser()
    if path.exists():
        digest = open_layout(layout, path)
    elif registry is not None and registry.holds(reference):
        digest = registry.pull(layout, reference, log)
    else:
        from aml_plugins.images.registry.pulling import pull_base  # noqa: PLC0415  urllib3 is not always needed

        digest = pull_base(layout, reference, log)
    return _of_manifest(layout, reference, digest)


def base_manifest(layout: Layout, base: Base) -> str:
    """Store a manifest of the base alone, for those who take images only; return its digest."""
    config = {
        "architecture": base.architecture,
        "os": "linux",
        "config": {"Env": [f"{name}={value}" for name, value in base.variables.items()]},
        "rootfs": {"type": "layers", "diff_ids": list(base.diff_ids)},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.put_json(config, CONFIG_TYPE).descriptor(),
        "layers": [layer.descriptor() for layer in base.layers],
    }
    return layout.put_json(manifest, MANIFEST_TYPE).digest


def open_layout(layout: Layout, path: Path) -> str:
    """Copy an image of another OCI layout into ours; return its manifest's digest.

    :raises InvalidInputError: for what is no layout.
    """
    if path.is_dir():
        return _copied(layout, Layout(path), path)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise InvalidInputError(f"The base image '{path}' cannot be unpacked: {error}.") from None
        return _copied(layout, Layout(Path(folder)), path)


def _host_python(layout: Layout, log: Callable[[str], None]) -> Base:
    layer, was_there = cached_layer(layout, host_python_key(), _compiled())
    log(f"base {HOST_PYTHON}: {layer.size} bytes{', as before' if was_there else ''}")
    variables = {
        "PATH": f"/{PYTHON_PATH}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": f"/{PYTHON_PATH}/lib",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
    }
    return Base(
        name=HOST_PYTHON, layers=[layer], diff_ids=[layer.diff_id], variables=variables, architecture=ARCHITECTURE
    )


def _compiled() -> Iterator[Entry]:
    yield from with_byte_code(sys.executable, host_python_entries())


def _of_manifest(layout: Layout, name: str, digest: str) -> Base:
    *blobs, _ = layout.blobs_of(digest)
    config = layout.read_json(blobs[0].digest)
    pairs = (str(pair).partition("=") for pair in (config.get("config") or {}).get("Env") or ())
    return Base(
        name=name,
        layers=blobs[1:],
        diff_ids=[str(found) for found in config["rootfs"]["diff_ids"]],
        variables={variable: value for variable, _, value in pairs},
        architecture=str(config.get("architecture", ARCHITECTURE)),
    )


def _copied(layout: Layout, other: Layout, path: Path) -> str:
    try:
        index = json.loads((other.root / "index.json").read_bytes())
        digest = chosen_manifest(index, lambda nested: json.loads(other.read(nested)))
        found = other.blobs_of(digest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "it has no index.json" if isinstance(error, FileNotFoundError) else error
        raise InvalidInputError(f"The base image '{path}' is no OCI layout: {reason}.", "Use: skopeo copy.") from None
    for blob in found:
        if not layout.has(blob.digest):
            _copy(layout, other, blob.digest, path)
    return digest


def _copy(layout: Layout, other: Layout, digest: str, path: Path) -> None:
    try:
        with other.path(digest).open("rb") as source, layout.writing() as (file, named):
            shutil.copyfileobj(source, file, 1 << 20)
    except FileNotFoundError:
        raise InvalidInputError(f"The base image '{path}' lacks its blob {digest}.", "Copy it again.") from None
    if named[0] != digest:
        layout.path(named[0]).unlink(missing_ok=True)
        raise InvalidInputError(f"The base image '{path}' is damaged: {digest} has another content.", "Copy it again.")
