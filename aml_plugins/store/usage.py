"""Which services use a model version: what must not be deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import ImageRecord, ServiceRecord

__all__ = ["image_names", "model_is_in", "services_using_model"]


def services_using_model(store: Store, workspace: str, name: str, version: str | None = None) -> Sequence[str]:
    """Return the names of the services that run an image with the model; of any version where none is named."""
    images = {
        f"{image.name}:{image.version}" for image in store.images.list(workspace) if model_is_in(image, name, version)
    }
    return [service.name for service in store.services.list(workspace) if images.intersection(image_names(service))]


def model_is_in(image: ImageRecord, name: str, version: str | None) -> bool:
    """Say whether an image has a model."""
    models = image.models if isinstance(image.models, (list, tuple)) else ()
    named = [model for model in models if isinstance(model, Mapping)]
    return any(model.get("name") == name and version in (None, str(model.get("version"))) for model in named)


def image_names(service: ServiceRecord) -> Sequence[str]:
    """Return the images that a service runs or is to run, ``name:version``."""
    deployments = service.deployments if isinstance(service.deployments, (list, tuple)) else ()
    running = [str(one["image"]) for one in deployments if isinstance(one, Mapping)]
    return list(dict.fromkeys([*running, str(service.desired.get("image", ""))]))
