"""What builders share that let somebody else run a Dockerfile: its text, and the layers that come back, named."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.images.base_images import HOST_PYTHON, Base
from aml_plugins.images.conda_prefix import conda_entries
from aml_plugins.images.contents import application_variables
from aml_plugins.images.contract import BuildSpec, BuiltImage, ImageBuilder
from aml_plugins.images.dockerfile import BuildContext, build_context, layer_names
from aml_plugins.images.installed import bill_of_layer
from aml_plugins.images.layers import cached_layer
from aml_plugins.images.layout import Blob
from aml_plugins.images.manifest import image_manifest
from aml_plugins.images.packages import (
    Prepared,
    environment_variables,
    key_of,
    prepare_environment,
    serving_environment,
)
from aml_plugins.json_types import JsonObject, JsonValue

__all__ = ["OF_PIP", "DockerfileBuilder", "build_arguments"]

# What pip reads where it installs; an address with a password would stay in the history of the image.
OF_PIP = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_NO_INDEX", "PIP_DEFAULT_TIMEOUT")
_NOWHERE = Prepared("/nowhere/bin/python3", {})


class DockerfileBuilder(ImageBuilder):
    """Makes the Dockerfile; a subclass has it built."""

    passed_on: ClassVar[Sequence[str]] = OF_PIP
    """Variables of this process that the build gets."""

    def check(self, config: JsonObject) -> None:
        environment = config["environment"]
        assert isinstance(environment, Mapping)  # noqa: S101  as images write it
        wanted = serving_environment(environment)
        if wanted["kind"] == "conda":
            key_of(wanted)
        build_arguments(self.passed_on)

    def plan(self, spec: BuildSpec) -> JsonObject:
        environment = serving_environment(spec.environment)
        variables = {**environment_variables(environment, _NOWHERE, {}), **application_variables(spec)}
        context = build_context(spec, environment, spec.base_image or HOST_PYTHON, variables)
        return {"dockerfile": context.dockerfile}

    def context(
        self, spec: BuildSpec, base: str, variables: Mapping[str, str], log: Callable[[str], None]
    ) -> tuple[BuildContext, dict[str, str]]:
        """Return the Dockerfile with its files, and the image's variables.

        :param base: as whoever builds names it; ``variables`` are its own, as far as they are known.
        """
        environment = serving_environment(spec.environment)
        prepared = self._prepared(environment, log)
        conda = list(conda_entries(prepared.prefix)) if environment["kind"] == "conda" else []
        given = {**environment_variables(environment, prepared, variables), **application_variables(spec)}
        names = [name for name in build_arguments(self.passed_on) if name in OF_PIP]
        return build_context(spec, environment, base, given, conda=conda, arguments=names), given

    def assembled(
        self, spec: BuildSpec, base: Base, layers: Sequence[Blob], variables: Mapping[str, str]
    ) -> BuiltImage:
        """Name the layers above the base, with the bill of what was installed in the image as the last of them."""
        names = layer_names(spec, is_pip=spec.environment.get("kind") != "conda")
        if len(names) != len(layers):
            raise OperationFailedError(
                f"The builder '{self.type_name}' got {len(layers)} layers of {len(names)} instructions.",
                "Build with the builder 'oci', and tell us which engine made them.",
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


def build_arguments(names: Sequence[str]) -> dict[str, str]:
    """Return the settings of this process that a build gets.

    :raises InvalidInputError: for an address with a password.
    """
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    for name, value in found.items():
        if any(urlsplit(part).password for part in value.split()):
            raise InvalidInputError(
                f"{name} has a password, which would stay in the engine's history of the image.",
                "Build with the builder 'oci', or let the index ask for none.",
            )
    return found
