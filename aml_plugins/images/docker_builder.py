"""Images by the Docker engine: a Dockerfile, with the environment installed inside the base image."""

from __future__ import annotations

import re
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.base_images import HOST_PYTHON, open_base
from aml_plugins.images.contract import BuildSpec, BuiltImage
from aml_plugins.images.dockerfile import BuildContext
from aml_plugins.images.dockerfile_builder import OF_PIP, DockerfileBuilder, build_arguments
from aml_plugins.images.engine_images import describe, export_layers, load_base
from aml_plugins.images.layers import write_tar
from aml_plugins.services.loopback.engine import engine

__all__ = ["DockerBuilder"]

_TAIL_LINES = 10
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OF_NETWORKS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


class DockerBuilder(DockerfileBuilder):
    """Builds in the engine, then keeps the layers beside those of all builders.

    The engine's own cache makes a second build quick; one that was killed leaves only layers that the next one uses.
    """

    type_name: ClassVar[str] = "docker"
    passed_on: ClassVar[Sequence[str]] = (*OF_PIP, *_OF_NETWORKS)

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        with engine() as client:
            base = self._base(client, spec, log)
            found = describe(client, base)
            context, variables = self.context(spec, base, found.variables, log)
            image = _built(client, spec, context, build_arguments(self.passed_on), log)
            layers = export_layers(client, self.layout, image, log)
        count = len(found.diff_ids)
        built = self.assembled(spec, replace(found, layers=layers[:count]), layers[count:], variables)
        log(f"Built {built.digest}.")
        return built

    def _base(self, client: Any, spec: BuildSpec, log: Callable[[str], None]) -> str:
        """Return the base as the engine knows it; it pulls what a registry has, with its own logins."""
        reference = spec.base_image or HOST_PYTHON
        if reference != HOST_PYTHON and not Path(reference).expanduser().exists():
            return reference
        return load_base(client, self.layout, open_base(self.layout, reference, log))


def _built(
    client: Any, spec: BuildSpec, context: BuildContext, arguments: Mapping[str, str], log: Callable[[str], None]
) -> str:
    """Let the engine build; return the image's id."""
    tag = f"aml/{spec.name.lower()}:{spec.version}"
    with tempfile.TemporaryFile(prefix="aml-docker-build-") as file:
        write_tar(file, context.entries)
        file.seek(0)
        told = client.api.build(
            fileobj=file, custom_context=True, tag=tag, rm=True, forcerm=True, decode=True,
            buildargs=dict(arguments), network_mode=_network(client), labels=dict(spec.labels),
        )  # fmt: skip
        last: deque[str] = deque(maxlen=_TAIL_LINES)
        for line in told:
            text = _COLOURS.sub("", str(line.get("stream") or line.get("error") or "")).rstrip()
            if text:
                log(text)
            if "error" in line:
                raise OperationFailedError(
                    f"The Docker engine could not build the image. Its last lines:\n{chr(10).join(last)}",
                    "See the build's log.",
                )
            last.extend(text.splitlines())
    return str(client.images.get(tag).id)


def _network(client: Any) -> str | None:
    """Return the host's network where the engine has no other that reaches a package index."""
    names = {network.name for network in client.networks.list()}
    return None if "bridge" in names else "host"
