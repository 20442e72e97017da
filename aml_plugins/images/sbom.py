"""What is in the image, as a CycloneDX document."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import MissingExtraError
from aml_plugins.images.conda_prefix import conda_packages

if TYPE_CHECKING:
    from aml_plugins.images.contract import ModelFiles

__all__ = ["bill_of_materials"]

_NAMESPACE = uuid.UUID("6c1a5e0e-7a1b-4b61-8f9a-2f9a3a1d7c55")


def bill_of_materials(name: str, packages: Path, models: Sequence[ModelFiles]) -> bytes:
    """Return the document for an image's packages and models; equal parts give equal bytes."""
    try:
        from cyclonedx.model.bom import Bom  # noqa: PLC0415  of an extra
        from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415  as above
        from cyclonedx.output.json import JsonV1Dot5  # noqa: PLC0415  as above
    except ImportError:
        raise MissingExtraError("Building an image", "scoring") from None
    found = sorted({(str(one.metadata["Name"]), one.version) for one in distributions(path=[str(packages)])})
    of_conda = conda_packages(packages.parents[2])  # PREFIX/lib/python3.X/site-packages
    components = [_package(Component, ComponentType.LIBRARY, "py" + "pi", *package) for package in found]
    components += [_package(Component, ComponentType.LIBRARY, "conda", *package) for package in of_conda]
    components += [
        Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=model.name,
            version=model.version,
            bom_ref=f"model:{model.name}:{model.version}",
        )
        for model in models
    ]
    identity = "\n".join(
        [name, *map(str, found), *map(str, of_conda), *(f"{model.name}:{model.version}" for model in models)]
    )
    bom = Bom(components=components, serial_number=uuid.uuid5(_NAMESPACE, identity))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # two builds of one thing are equal
    text: str = JsonV1Dot5(bom).output_as_string(indent=1)
    return text.encode()


def _package(component: Any, kind: Any, manager: str, name: str, version: str) -> Any:
    from packageurl import PackageURL  # noqa: PLC0415  comes with cyclonedx

    purl = PackageURL(manager, None, name.lower(), version)
    return component(type=kind, name=name, version=version, purl=purl, bom_ref=str(purl))
