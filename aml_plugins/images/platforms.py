"""Which of an image's manifests is for machines like this one."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.errors import NotFoundError
from aml_plugins.images.layout import INDEX_TYPE

__all__ = ["ARCHITECTURE", "INDEX_TYPES", "chosen_manifest"]

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
INDEX_TYPES = frozenset({INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json"})
"""Media types of what lists manifests."""


def chosen_manifest(index: Mapping[str, Any], read: Callable[[str], Any]) -> str:
    """Return the digest of this machine's manifest, through indexes of indexes."""
    fits = [one for one in index["manifests"] if _fits(one.get("platform") or {})]
    if not fits:
        raise NotFoundError(f"The image has no manifest for linux/{ARCHITECTURE}.", "Choose another base image.")
    first = fits[0]
    if first.get("mediaType") in INDEX_TYPES:
        return chosen_manifest(read(str(first["digest"])), read)
    return str(first["digest"])


def _fits(wanted: Mapping[str, Any]) -> bool:
    return bool(wanted.get("architecture", ARCHITECTURE) == ARCHITECTURE and wanted.get("os", "linux") == "linux")
