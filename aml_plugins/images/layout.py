"""A directory of blobs named by their content, as the OCI image layout has it: the cache of all builds."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aml_plugins.errors import OperationFailedError

__all__ = ["Blob", "Layout", "digest_of"]

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob of the layout.

    :param diff_id: of a layer: the digest of its tar before it was compressed.
    """

    media_type: str
    digest: str
    size: int
    diff_id: str = ""

    def descriptor(self) -> dict[str, Any]:
        """Return it as manifests name it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class Layout:
    """Blobs below a directory. Any number of processes may use it: a blob appears whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Return where a blob lies or would lie.

        :raises OperationFailedError: for what is no digest: it comes from manifests of strangers.
        """
        algorithm, _, value = digest.partition(":")
        if algorithm != "sha256" or len(value) != 64 or not set(value) <= set("0123456789abcdef"):  # noqa: PLR2004  SHA-256
            raise OperationFailedError(f"'{digest[:80]}' is no digest.", "The image's manifest is damaged.")
        return self.root / "blobs" / algorithm / value

    def has(self, digest: str) -> bool:
        """Say whether the blob is here."""
        return self.path(digest).is_file()

    def read(self, digest: str) -> bytes:
        """Return a small blob's content."""
        return self.path(digest).read_bytes()

    def read_json(self, digest: str) -> dict[str, Any]:
        """Return a manifest or a configuration."""
        loaded = json.loads(self.read(digest))
        if not isinstance(loaded, dict):
            raise OperationFailedError(f"The blob {digest} holds no JSON object.", "The image is damaged.")
        return loaded

    def put(self, content: bytes, media_type: str) -> Blob:
        """Store a small blob."""
        digest = digest_of(content)
        if not self.has(digest):
            with self.writing() as (file, _):
                file.write(content)
        return Blob(media_type, digest, len(content))

    def put_json(self, value: Mapping[str, Any], media_type: str) -> Blob:
        """Store JSON, equal values as equal bytes."""
        return self.put(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media_type)

    @contextmanager
    def writing(self) -> Iterator[tuple[IO[bytes], list[str]]]:
        """Open a new blob; it gets its name, and the list its digest, when the block ends without an exception."""
        folder = self.root / "partial"
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / uuid.uuid4().hex
        named: list[str] = []
        try:
            with _Hashing(partial) as file:
                yield file, named
            named.append(file.digest)
            target = self.path(file.digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
        except OSError as error:
            raise OperationFailedError(
                f"The image cache {self.root} cannot be written: {error.strerror}.", "Free some space, then try again."
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def blobs_of(self, digest: str) -> list[Blob]:
        """Return a manifest's configuration and layers, then the manifest itself."""
        manifest = self.read_json(digest)
        named = [manifest["config"], *manifest["layers"]]
        found = [Blob(str(item["mediaType"]), str(item["digest"]), int(item["size"])) for item in named]
        size = os.stat(self.path(digest)).st_size  # noqa: PTH116  the same, shorter
        return [*found, Blob(str(manifest.get("mediaType", MANIFEST_TYPE)), digest, size)]


class _Hashing:
    """A file that knows the digest of what was written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def digest_of(content: bytes) -> str:
    """Return a blob's name."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
