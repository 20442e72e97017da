"""The credentials by which nodes pull a service's images: those that the images were pushed with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.aks.services.names import front_labels
from aml_backends.aks.services.version import body, pull_name
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_backends.aks.cluster import Cluster
    from aml_plugins.services.contract import DeploymentSpec

__all__ = ["check_image", "give_credentials"]

_FILE = ".dockerconfigjson"


def check_image(spec: DeploymentSpec) -> None:
    """Refuse an image that no cluster can pull.

    :raises InvalidInputError: saying how to make one.
    """
    if not spec.image.config.get("registry"):
        raise InvalidInputError(
            f"The image {spec.image.name}:{spec.image.version} is in no registry: a cluster cannot pull it.",
            "Create it with a registry: aml image create … --registry address=HOST",
        )


def give_credentials(cluster: Cluster, spec: DeploymentSpec, secret: Callable[[str], str]) -> None:
    """Put the registry's user and password beside those that the service has already.

    :param secret: resolves a reference.
    """
    settings = spec.image.config.get("registry")
    if not isinstance(settings, Mapping) or not settings.get("username"):
        return
    name = pull_name(spec.service.service_id)
    found = cluster.find("secret", name)
    known: dict[str, Any] = json.loads(base64.b64decode(found["data"][_FILE]))["auths"] if found else {}
    pair = f"{settings['username']}:{secret(str(settings.get('password') or ''))}"
    auths = {**known, str(spec.image.location).partition("/")[0]: {"auth": base64.b64encode(pair.encode()).decode()}}
    if auths != known:
        data = {_FILE: base64.b64encode(json.dumps({"auths": auths}).encode()).decode()}
        labels = front_labels(spec.service.service_id)
        cluster.apply(body("v1", "Secret", name, labels) | {"type": "kubernetes.io/dockerconfigjson", "data": data})
