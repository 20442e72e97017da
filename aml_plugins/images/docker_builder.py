"""Images by the Docker engine: a Dockerfile, with the environment installed inside the base image."""

from __future__ import annotations

import os
import re
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.images.base_images import HOST_PYTHON, Base, open_base
from aml_plugins.images.conda_prefix import conda_entries
from aml_plugins.images.contract import BuildSpec, BuiltImage, ImageBuilder
from aml_plugins.images.dockerfile import BuildContext, build_context, layer_names
from aml_plugins.images.engine_images import describe, export_layers, load_base
from aml_plugins.images.installed import bill_of_layer
from aml_plugins.images.layers import cached_layer, write_tar
from aml_plugins.images.layout import Blob
from aml_plugins.images.oci_builder import application_variables, image_manifest
from aml_plugins.images.packages import (
    Prepared,
    environment_variables,
    key_of,
    prepare_environment,
    serving_environment,
)
from aml_plugins.json_types import JsonObject, JsonValue
from aml_plugins.services.loopback.engine import engine

__all__ = ["DockerBuilder"]

# What pip reads where it installs; an address with a password would stay in the engine's history of the image.
_OF_PIP = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_NO_INDEX", "PIP_DEFAULT_TIMEOUT")
_TAIL_LINES = 10
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OF_NETWORKS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


class DockerBuilder(ImageBuilder):
    """Builds in the engine, then keeps the layers beside those of all builders.

    The engine's own cache makes a second build quick; one that was killed leaves only layers that the next one uses.
    """

    type_name: ClassVar[str] = "docker"

    def check(self, config: JsonObject) -> None:
        environment = config["environment"]
        assert isinstance(environment, Mapping)  # noqa: S101  as images write it
        wanted = serving_environment(environment)
        if wanted["kind"] == "conda":
            key_of(wanted)
        _build_arguments()

    def plan(self, spec: BuildSpec) -> JsonObject:
        environment = serving_environment(spec.environment)
        variables = {**environment_variables(environment, _NOWHERE, {}), **application_variables(spec)}
        context = build_context(spec, environment, spec.base_image or HOST_PYTHON, variables)
        return {"dockerfile": context.dockerfile}

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        environment = serving_environment(spec.environment)
        prepared = self._prepared(environment, log)
        conda = list(conda_entries(prepared.prefix)) if environment["kind"] == "conda" else []
        arguments = _build_arguments()
        with engine() as client:
            base = self._base(client, spec, log)
            found = describe(client, base)
            variables = {**environment_variables(environment, prepared, found.variables), **application_variables(spec)}
            names = [name for name in arguments if name in _OF_PIP]
            context = build_context(spec, environment, base, variables, conda=conda, arguments=names)
            image = _built(client, spec, context, arguments, log)
            layers = export_layers(client, self.layout, image, log)
        count = len(found.diff_ids)
        built = self._assembled(spec, replace(found, layers=layers[:count]), layers[count:], variables)
        log(f"Built {built.digest}.")
        return built

    def _assembled(
        self, spec: BuildSpec, base: Base, layers: Sequence[Blob], variables: Mapping[str, str]
    ) -> BuiltImage:
        """Name the layers, with the bill of what was installed in the image as the last of them."""
        names = layer_names(spec, is_pip=spec.environment.get("kind") != "conda")
        if len(names) != len(layers):
            raise OperationFailedError(
                f"The Docker engine made {len(layers)} layers of {len(names)} instructions.",
                "Build with the builder 'oci', and tell us which engine this is.",
            )
        layers = [*layers, self._bill(spec, layers[names.index("environment")])]
        manifest = image_manifest(self.layout, spec.labels, base, layers, variables)
        shown: JsonValue = [
            {"name": name, "digest": layer.digest, "size": layer.size}
            for name, layer in zip([*names, "bill of materials"], layers, strict=True)
        ]
        return BuiltImage(digest=manifest.digest, details={"base": base.name, "layers": shown})

    def _bill(self, spec: BuildSpec, environment: Blob) -> Blob:
        """Return the layer with the bill of materials; a whole environment is looked through once."""
        models = [[model.name, model.version] for model in spec.models]
        key = ["bill", environment.digest, spec.name, models]
        return cached_layer(self.layout, key, (bill_of_layer(self.layout, environment, spec) for _ in (1,)))[0]

    def _prepared(self, environment: JsonObject, log: Callable[[str], None]) -> Prepared:
        """Build a conda environment here: bases have pip, but seldom conda."""
        if environment["kind"] != "conda":
            return _NOWHERE
        with tempfile.TemporaryFile() as output:
            try:
                return prepare_environment(environment, self.layout.root.parent / "environments", output)
            finally:
                output.seek(0)
                for line in output.read().decode("utf-8", "replace").splitlines():
                    log(line)

    def _base(self, client: Any, spec: BuildSpec, log: Callable[[str], None]) -> str:
        """Return the base as the engine knows it; it pulls what a registry has, with its own logins."""
        reference = spec.base_image or HOST_PYTHON
        if reference != HOST_PYTHON and not Path(reference).expanduser().exists():
            return reference
        return load_base(client, self.layout, open_base(self.layout, reference, log))


_NOWHERE = Prepared("/nowhere/bin/python3", {})


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


def _build_arguments() -> dict[str, str]:
    """Return pip's and the network's settings of this process, for the build.

    :raises InvalidInputError: for an address with a password.
    """
    found = {name: os.environ[name] for name in (*_OF_PIP, *_OF_NETWORKS) if os.environ.get(name)}
    for name, value in found.items():
        if any(urlsplit(part).password for part in value.split()):
            raise InvalidInputError(
                f"{name} has a password, which would stay in the engine's history of the image.",
                "Build with the builder 'oci', or let the index ask for none.",
            )
    return found
