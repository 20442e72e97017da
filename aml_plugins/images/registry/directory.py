"""A directory of OCI layouts, such as one on a file system that several machines share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from aml_plugins.errors import NotFoundError, OperationFailedError
from aml_plugins.images.contract import ContainerRegistry, RegistryConfig
from aml_plugins.images.layout import Layout
from aml_plugins.images.saving import write_layout

__all__ = ["DirectoryRegistry", "DirectoryRegistryConfig"]


class DirectoryRegistryConfig(RegistryConfig):
    """Where the directory is."""

    path: str = Field(min_length=1, description="The directory; it is made where it is missing.")


class DirectoryRegistry(ContainerRegistry):
    """Keeps ``PATH/IMAGE/TAG`` as an OCI layout, which skopeo, podman and buildah read as ``oci:PATH/IMAGE/TAG``."""

    type_name: ClassVar[str] = "directory"
    config_model: ClassVar[type[RegistryConfig]] = DirectoryRegistryConfig
    config: DirectoryRegistryConfig

    def push(self, layout: Layout, digest: str, repository: str, tag: str, log: Callable[[str], None]) -> str:
        target = self._root / repository / tag
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # index.json is written last: a layout is there whole, or is made whole by the next push.
            write_layout(layout, digest, target, f"{repository}:{tag}")
        except OSError as error:
            raise self._unusable(error) from error
        log(f"Wrote {target}.")
        return f"{target}@{digest}"

    def pull(self, layout: Layout, reference: str, log: Callable[[str], None]) -> str:
        place, _, digest = reference.rpartition("@")
        source = Layout(Path(place))
        if not place or not source.has(digest):
            raise NotFoundError(f"There is no image '{reference}' in '{self._root}'.", "Push it again.")
        for blob in source.blobs_of(digest):
            if not layout.has(blob.digest):
                self._copy(source, layout, blob.digest)
        log(f"Read {place}.")
        return digest

    def check(self) -> str:
        """Write and delete a small file."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._root, prefix=".check-"):
                pass
        except OSError as error:
            raise self._unusable(error) from error
        return f"{self._root} can be written"

    @property
    def _root(self) -> Path:
        return Path(os.path.expanduser(self.config.path)).absolute()  # noqa: PTH111  a ~ without a home is kept

    def _copy(self, source: Layout, layout: Layout, digest: str) -> None:
        """Copy a blob; content that is not what its name says is not taken."""
        with layout.writing() as (file, named), source.path(digest).open("rb") as read:
            while piece := read.read(1 << 20):
                file.write(piece)
        if named != [digest]:
            raise OperationFailedError(f"The blob {digest} in '{self._root}' is damaged.", "Push the image again.")

    def _unusable(self, error: OSError) -> OperationFailedError:
        return OperationFailedError(
            f"The registry directory '{self._root}' cannot be used: {error.strerror}.", "Check its permissions."
        )
