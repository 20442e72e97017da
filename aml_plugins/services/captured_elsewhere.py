"""Capture by servers that share no disk with a monitor: they get an address to which they may add, and nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aml_plugins.datastores.abilities import SupportsSignedUrls
from aml_plugins.errors import InvalidInputError
from aml_plugins.services.contract import CapturingConfig

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.services.contract import DeploymentSpec

__all__ = ["CAPTURE_URL", "capture_variables"]

CAPTURE_URL = "AML_SCORING_CAPTURE_URL"
LIFETIME = timedelta(days=730)
"""How long a deployment may add. Its server has no way to get another address: who updates the service gives one."""


def capture_variables(context: Context, spec: DeploymentSpec) -> dict[str, str]:
    """Return the variable that lets a scoring server send what it captured; it is a secret. Empty without capture.

    :raises InvalidInputError: for a datastore that a server elsewhere does not reach, or that cannot give such an
        address.
    :raises NotFoundError: where there is no such datastore.
    """
    config, workspace = spec.config, spec.service.workspace
    if not isinstance(config, CapturingConfig) or not config.capture:
        return {}
    datastore = context.datastore(workspace, config.capture if isinstance(config.capture, str) else None)
    if not isinstance(datastore, SupportsSignedUrls):
        raise InvalidInputError(
            f"Services elsewhere cannot keep inputs and outputs in the datastore '{datastore.name}' of type "
            f"'{datastore.type_name}': they have no way to it.",
            "Name a datastore of type azure-blob: --set capture=NAME",
        )
    return {CAPTURE_URL: datastore.signed_url("", "append", LIFETIME)}
