"""From a registry into the layout; nothing is believed that does not have its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from aml_plugins.errors import BackendError, InvalidInputError
from aml_plugins.images.layout import MANIFEST_TYPE, Blob, Layout, digest_of
from aml_plugins.images.platforms import INDEX_TYPES, chosen_manifest
from aml_plugins.images.references import split_reference
from aml_plugins.images.registry.client import RegistryClient

__all__ = ["pull_base", "pull_image"]


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
        _checked(content, version)
    if media_type in INDEX_TYPES:
        digest = chosen_manifest(json.loads(content), lambda one: json.loads(client.manifest(repository, one)[0]))
        content = _checked(client.manifest(repository, digest)[0], digest)
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


def _checked(content: bytes, digest: str) -> bytes:
    """Return the content if it is what the digest says.

    :raises InvalidInputError: otherwise.
    """
    if digest_of(content) != digest:
        raise InvalidInputError(f"The registry's content for {digest} is another.", "Pull the image again.")
    return content
