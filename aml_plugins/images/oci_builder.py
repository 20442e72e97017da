"""Images without a daemon: layers are written, a configuration and a manifest name them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.base_images import HOST_PYTHON, Base, open_base
from aml_plugins.images.byte_code import with_byte_code
from aml_plugins.images.contents import (
    SCORING,
    application_entries,
    application_variables,
    model_entries,
    server_entries,
)
from aml_plugins.images.contract import BuildSpec, BuiltImage, ImageBuilder
from aml_plugins.images.file_digests import digest_of_files
from aml_plugins.images.layers import Entry, cached_layer, write_layer
from aml_plugins.images.layout import Blob
from aml_plugins.images.manifest import image_manifest
from aml_plugins.images.packages import (
    Prepared,
    environment_entries,
    environment_variables,
    host_version,
    key_of,
    prepare_environment,
    serving_environment,
    site_packages,
)
from aml_plugins.images.references import split_reference
from aml_plugins.json_types import JsonObject, JsonValue

__all__ = ["OciBuilder"]


class OciBuilder(ImageBuilder):
    """Assembles an image from layers that are kept: base, environment, server, models, application."""

    type_name: ClassVar[str] = "oci"

    def check(self, config: JsonObject) -> None:
        environment = config["environment"]
        assert isinstance(environment, Mapping)  # noqa: S101  as images write it
        wanted = serving_environment(environment)
        base = config.get("base_image")
        _check_python(wanted, base)
        if isinstance(base, str) and base != HOST_PYTHON and not Path(base).exists():
            split_reference(base)
        key_of(wanted)

    def plan(self, spec: BuildSpec) -> JsonObject:
        environment = serving_environment(spec.environment)
        return {
            "base": spec.base_image or HOST_PYTHON,
            "environment": {"key": key_of(environment), **environment},
            "models": [f"{model.name}:{model.version}" for model in spec.models],
            "entry_script": spec.entry_script,
            "labels": dict(spec.labels),
        }

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        environment = serving_environment(spec.environment)
        base, (packages, prepared) = self._base_and_packages(spec, environment, log)
        layers = [
            packages,
            self._server(base, log),
            *(self._model(model.name, model.version, model.path, log) for model in spec.models),
            write_layer(self.layout, application_entries(spec, site_packages(prepared.prefix))),
        ]
        log(f"application: {layers[-1].size} bytes")
        variables = {**environment_variables(environment, prepared, base.variables), **application_variables(spec)}
        manifest = image_manifest(self.layout, spec.labels, base, layers, variables)
        log(f"Built {manifest.digest}.")
        names = ["environment", "server", *(f"model {model.name}" for model in spec.models), "application"]
        shown: JsonValue = [
            {"name": name, "digest": layer.digest, "size": layer.size}
            for name, layer in zip(names, layers, strict=True)
        ]
        return BuiltImage(digest=manifest.digest, details={"base": base.name, "layers": shown})

    def _base_and_packages(
        self, spec: BuildSpec, environment: JsonObject, log: Callable[[str], None]
    ) -> tuple[Base, tuple[Blob, Prepared]]:
        """Pack this machine's Python while packages are installed; another base is looked for before that."""
        if spec.base_image not in {None, HOST_PYTHON}:
            return open_base(self.layout, spec.base_image, log, spec.registry), self._packages(environment, log)
        with ThreadPoolExecutor(1, thread_name_prefix="aml-base") as beside:
            base = beside.submit(open_base, self.layout, spec.base_image, log)
            packages = self._packages(environment, log)
            return base.result(), packages

    def _packages(self, environment: JsonObject, log: Callable[[str], None]) -> tuple[Blob, Prepared]:
        with tempfile.TemporaryFile() as output:
            try:
                prepared = prepare_environment(environment, self.layout.root.parent / "environments", output)
            finally:
                output.seek(0)
                for line in output.read().decode("utf-8", "replace").splitlines():
                    log(line)
        key = ["environment", 3, key_of(environment)]
        layer = self._kept(
            "environment", key, lambda: with_byte_code(prepared.python, environment_entries(environment, prepared)), log
        )
        return layer, prepared

    def _server(self, base: Base, log: Callable[[str], None]) -> Blob:
        """The server's compiled files fit the Python of this machine only; another compiles what it uses itself."""
        key = ["server", 2, digest_of_files(SCORING), sys.version, base.name == HOST_PYTHON]
        return self._kept("server", key, lambda: with_byte_code(sys.executable, server_entries()), log)

    def _model(self, name: str, version: str, path: Path, log: Callable[[str], None]) -> Blob:
        key = ["model", name, version, digest_of_files(path)]
        return self._kept(f"model {name}:{version}", key, lambda: model_entries(name, version, path), log)

    def _kept(self, name: str, key: object, entries: Callable[[], Iterator[Entry]], log: Callable[[str], None]) -> Blob:
        layer, was_there = cached_layer(self.layout, key, _lazily(entries))
        log(f"{name}: {layer.size} bytes{', as before' if was_there else ''}")
        return layer


def _check_python(environment: Mapping[str, Any], base_image: object) -> None:
    """Refuse a pip environment of another Python than the default base has.

    :raises InvalidInputError: naming both.
    """
    wanted = environment.get("python")
    minor = ".".join(str(wanted).split(".")[:2])
    if wanted is None or base_image not in {None, HOST_PYTHON} or minor in {"3", host_version()}:
        return
    raise InvalidInputError(
        f"The environment wants Python {wanted}, and the default base has {host_version()}.",
        f"Name a base image with Python {minor}, or build with a Python {minor}.",
    )


def _lazily(entries: Callable[[], Iterator[Entry]]) -> Iterator[Entry]:
    yield from entries()
