"""The builder ``acr-tasks``: no engine and no network but the registry's own."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from aml_backends.azure.acr_tasks.following import follow, give_up
from aml_backends.azure.acr_tasks.service import AcrTasks
from aml_backends.azure.container_registry import AcrRegistry
from aml_plugins.errors import AmlError, InvalidInputError
from aml_plugins.images.base_images import HOST_PYTHON, Base, base_manifest, open_base
from aml_plugins.images.contract import BuildSpec, BuiltImage, ContainerRegistry
from aml_plugins.images.dockerfile import layer_names
from aml_plugins.images.dockerfile_builder import DockerfileBuilder, build_arguments
from aml_plugins.images.layers import write_tar
from aml_plugins.images.layout import LAYER_TYPE, Blob
from aml_plugins.images.platforms import ARCHITECTURE
from aml_plugins.json_types import JsonObject

__all__ = ["AcrTasksBuilder"]

_SECONDS = 3600
"""For how long a run may take: what the service gives one that does not say."""
_NEEDED = ("subscription", "resource_group")
_ADVICE = "Give --registry type=acr with address, subscription and resource_group, or set the workspace's registry so."


class AcrTasksBuilder(DockerfileBuilder):
    """Sends a Dockerfile and its files to an Azure Container Registry, which builds and keeps the image.

    A task run of the registry is named after the build. Killed anywhere, the next call finds it by that name and goes
    on; it is deleted once the image is here, or is wanted no more.
    """

    type_name: ClassVar[str] = "acr-tasks"

    def check(self, config: JsonObject) -> None:
        given = config.get("registry")
        registry: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        if registry.get("type") != "acr":
            raise InvalidInputError("The builder 'acr-tasks' builds in an Azure Container Registry.", _ADVICE)
        missing = [name for name in _NEEDED if not registry.get(name)]
        if missing:
            raise InvalidInputError(f"The builder 'acr-tasks' needs the registry's {' and '.join(missing)}.", _ADVICE)
        super().check(config)

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        registry, name = _registry(spec.registry), _name(spec.key)
        with AcrTasks(registry) as tasks:
            if tasks.find(name) is None:
                self._begin(tasks, name, spec, log)
            else:
                log(f"The registry has this build already: task run {name}.")
            try:
                follow(tasks, name, spec.is_wanted, log)
                built = self._brought(spec, registry, log)
            except Exception:
                with suppress(AmlError):  # what happened first is what is told
                    give_up(tasks, name)
                raise
            tasks.forget(name)
        log(f"Built {built.digest}.")
        return built

    def abandon(self, key: str, registry: ContainerRegistry | None) -> None:
        with AcrTasks(_registry(registry)) as tasks:
            give_up(tasks, _name(key))

    def _begin(self, tasks: AcrTasks, name: str, spec: BuildSpec, log: Callable[[str], None]) -> None:
        """Send the files and ask for the run."""
        base, variables = self._base(spec, log)
        context, _ = self.context(spec, base, variables, log)
        with tempfile.TemporaryDirectory(prefix="aml-context-") as folder:
            archive = Path(folder, "context.tar.gz")
            with gzip.open(archive, "wb", compresslevel=3) as file:
                write_tar(file, context.entries)
            log(f"Sending {archive.stat().st_size} bytes to the registry.")
            source = tasks.upload(archive)
        tasks.start(name, _request(source, _repository(spec), build_arguments(self.passed_on)))
        log(f"The registry builds: task run {name}.")

    def _base(self, spec: BuildSpec, log: Callable[[str], None]) -> tuple[str, Mapping[str, str]]:
        """Return the base as the registry knows it, and its variables; what is only here is pushed first."""
        reference = spec.base_image or HOST_PYTHON
        if reference != HOST_PYTHON and not Path(reference).expanduser().exists():
            return reference, {}
        base = open_base(self.layout, reference, log)
        digest = base_manifest(self.layout, base)
        tag = digest.partition(":")[2][:24]
        return _registry(spec.registry).push(self.layout, digest, "aml-base", tag, log), base.variables

    def _brought(self, spec: BuildSpec, registry: AcrRegistry, log: Callable[[str], None]) -> BuiltImage:
        """Bring the layers here, beside those of all builders, and name them."""
        digest = registry.pull(self.layout, f"{registry.client().host}/{_repository(spec)}", log)
        config, *layers, _ = self.layout.blobs_of(digest)
        found = self.layout.read_json(config.digest)
        named = [
            replace(layer, media_type=LAYER_TYPE, diff_id=str(diff_id)) if layer.media_type.endswith("gzip") else layer
            for layer, diff_id in zip(layers, found["rootfs"]["diff_ids"], strict=True)
        ]
        pairs = (str(pair).partition("=") for pair in found["config"].get("Env") or ())
        variables = {name: value for name, _, value in pairs}
        base, own = self._parted(spec, named, str(found.get("architecture", ARCHITECTURE)))
        return self.assembled(spec, base, own, variables)

    def _parted(self, spec: BuildSpec, layers: Sequence[Blob], architecture: str) -> tuple[Base, Sequence[Blob]]:
        """Tell the base's layers from those of the instructions, which are the last ones."""
        count = len(layers) - len(layer_names(spec, is_pip=spec.environment.get("kind") != "conda"))
        below = layers[: max(count, 0)]
        base = Base(
            name=spec.base_image or HOST_PYTHON,
            layers=below,
            diff_ids=[layer.diff_id for layer in below],
            variables={},
            architecture=architecture,
        )
        return base, layers[len(below) :]


def _request(source: str, image: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "DockerBuildRequest",
        "sourceLocation": source,
        "dockerFilePath": "Dockerfile",
        "imageNames": [image],
        "isPushEnabled": True,
        "timeout": _SECONDS,
        "platform": {"os": "Linux", "architecture": ARCHITECTURE},
        "arguments": [{"name": name, "value": value, "isSecret": False} for name, value in arguments.items()],
    }


def _repository(spec: BuildSpec) -> str:
    return f"{_registry(spec.registry).repository(spec.name)}:{spec.version}"


def _registry(registry: ContainerRegistry | None) -> AcrRegistry:
    if not isinstance(registry, AcrRegistry):
        raise InvalidInputError("The builder 'acr-tasks' builds in an Azure Container Registry.", _ADVICE)
    return registry


def _name(key: str) -> str:
    """Return the name of a build's task run: 5 to 50 letters and digits, as the service takes them."""
    return f"aml{hashlib.sha256(key.encode()).hexdigest()[:32]}"
