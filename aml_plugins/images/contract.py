"""What an image builder and a container registry must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from aml_plugins.images.layout import Layout
from aml_plugins.json_types import JsonObject
from aml_plugins.secrets.references import SecretSource, from_environment

__all__ = ["BuildSpec", "BuiltImage", "ContainerRegistry", "ImageBuilder", "ModelFiles", "RegistryConfig"]

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A model version's files on this machine: one file, or a directory."""

    name: str
    version: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSpec:
    """Everything an image is made of.

    :param source: the script's directory, as it was when the image was created. Only read it.
    :param entry_script: the script's path in it; None serves the one MLflow model that is there without a script.
    :param environment: the environment of the script, resolved: a section of the run configuration as JSON.
    :param swagger: a Swagger document of the user's, beside the script in the image.
    :param base_image: where the base comes from, in the builder's words; None for its default.
    :param ca_file: certificates that programs in the image trust besides the base's.
    :param labels: labels of the image: lineage.
    :param variables: environment variables of the image.
    :param key: of this build and no other, written down before it begins; what is built elsewhere is named after it.
    :param registry: where the image will be pushed to, None where it stays here.
    :param is_wanted: says whether the image is still asked for; a builder that waits for others asks now and then.
    """

    name: str
    version: int
    source: Path
    entry_script: str | None
    models: Sequence[ModelFiles]
    environment: JsonObject
    swagger: bytes | None = None
    base_image: str | None = None
    ca_file: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    registry: ContainerRegistry | None = None
    is_wanted: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """An image that is there.

    :param digest: of its manifest, which is in the layout with all it names.
    :param details: layers and sizes, for people.
    """

    digest: str
    details: JsonObject = field(default_factory=dict)


class ImageBuilder(ABC):
    """Makes images. Making one again from equal parts gives an image that is as good as the first."""

    type_name: ClassVar[str]

    def __init__(self, layout: Layout) -> None:
        """Keep where blobs are put and cached."""
        self.layout = layout

    def check(self, config: JsonObject) -> None:  # noqa: B027  most builders refuse something, none has to
        """Refuse what this builder cannot build, before anything is written.

        :param config: the image's settings: ``environment``, ``base_image``, ``registry`` and others.
        :raises InvalidInputError: with the reason.
        """

    @abstractmethod
    def plan(self, spec: BuildSpec) -> JsonObject:
        """Return what would be built as a pure value: nothing is started, nothing written.

        :raises InvalidInputError: for what this builder cannot build.
        """

    @abstractmethod
    def build(self, spec: BuildSpec, log: Log) -> BuiltImage:
        """Build. Killed anywhere, it leaves nothing that a second call would not use or replace.

        :param log: takes a line at a time.
        :raises AmlError: where it cannot be built, with the reason.
        """

    def abandon(self, key: str, registry: ContainerRegistry | None) -> None:  # noqa: B027  most build here
        """End what a build began elsewhere: its image is being deleted. Nothing to end is fine.

        :param key: the build's, as in :class:`BuildSpec`; likewise ``registry``.
        :raises AmlError: where it cannot be ended now.
        """


class RegistryConfig(BaseModel):
    """Settings of a registry; a type subclasses it. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ContainerRegistry(ABC):
    """A place that images are pushed to and pulled from."""

    type_name: ClassVar[str]
    config_model: ClassVar[type[RegistryConfig]] = RegistryConfig
    secrets: SecretSource = staticmethod(from_environment)
    """Resolves ``secret://STORE/NAME`` at the moment of use; where a workspace is known, with its secret stores."""

    def __init__(self, config: RegistryConfig) -> None:
        """Keep the settings; no network call here."""
        self.config = config

    @abstractmethod
    def push(self, layout: Layout, digest: str, repository: str, tag: str, log: Log) -> str:
        """Push a manifest and all it names; what is there already is not sent. Return ``HOST/REPOSITORY@DIGEST``.

        :raises BackendError: where the registry refuses; :class:`TransientBackendError` where it cannot be reached.
        """

    @abstractmethod
    def pull(self, layout: Layout, reference: str, log: Log) -> str:
        """Bring an image into the layout, checked against its digests; return its manifest's digest."""

    def holds(self, reference: str) -> bool:
        """Say whether an image is in this registry, so that :meth:`pull` can bring it; no network call."""
        del reference
        return False

    def check(self) -> str:
        """Try the registry, as ``aml doctor`` does; return a few words on what it said.

        :raises AmlError: where it cannot be used, with what to do.
        """
        return "there is no check for this type"
