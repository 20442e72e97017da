"""The layers of an image that are the user's own: models and application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.store.records import ImageRecord

__all__ = ["check_layers", "own_layers"]


def own_layers(image: ImageRecord) -> list[str]:
    """Return their digests, in order; none where the builder keeps the layers elsewhere."""
    details = image.result.get("details")
    layers = details.get("layers") if isinstance(details, Mapping) else None
    found = [one for one in layers if isinstance(one, Mapping)] if isinstance(layers, (list, tuple)) else []
    return [str(one["digest"]) for one in found if str(one["name"]).startswith(("model ", "application"))]


def check_layers(image: ImageRecord) -> None:
    """Refuse an image whose layers are in a registry only.

    :raises InvalidInputError: naming the builder.
    """
    if not own_layers(image):
        raise InvalidInputError(
            f"The layers of the image {image.name}:{image.version}, built by '{image.builder}', are not here.",
            "Build it with the builder 'oci' or 'docker'.",
        )
