"""From a registry into the layout; nothing is believed that does not have its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from aml_plugins.errors import BackendError
from aml_plugins.images.base_images import checked, chosen_manifest
from aml_plugins.images.layout import INDEX_TYPE, MANIFEST_TYPE, Blob, Layout
from aml_plugins.images.references import split_reference
from aml_plugins.images.registry.client import RegistryClient

__all__ = ["pull_base", "pull_image"]

_INDEXES = {INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json"}


def pull_base(layout: Layout, reference: str, log: Callable[[str], None]) -> str:
    """Pull a public base image; return its manifest's digest."""
    host, repository, version = split_reference(reference)
    return pull_image(RegistryClient(host, lambda: None), layout, repository, version, log)


def pull_image(
    client: RegistryClient, layout: Layout, repository: str, version: str, log: Callable[[str], None]
) -> str:
    """Bring a manifest and its blobs into the layout; return the manifest's digest."""
    content, media_type = client.manifest(repository, version)
    if version.startswith("sha256:"):
        checked(content, version)
    if media_type in _INDEXES:
        digest = chosen_manifest(json.loads(content), lambda one: json.loads(client.manifest(repository, one)[0]))
        content = checked(client.manifest(repository, digest)[0], digest)
    manifest = layout.put(content, MANIFEST_TYPE)
    *blobs, _ = layout.blobs_of(manifest.digest)
    for blob in blobs:
        if not layout.has(blob.digest):
            client.again(partial(_fetch, client, layout, repository, blob))
            log(f"{blob.digest[:19]} pulled, {blob.size} bytes.")
    return manifest.digest


def _fetch(client: RegistryClient, layout: Layout, repository: str, blob: Blob) -> None:
    with layout.writing() as (file, named):
        client.pull_blob(repository, blob.digest, file.write)
    if named[0] != blob.digest:
        layout.path(named[0]).unlink(missing_ok=True)
        raise BackendError(f"The registry {client.host} sent another content for {blob.digest}.", "Pull it again.")
