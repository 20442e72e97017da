"""What the scoring server of a deployment is told by environment variables, whatever it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.secrets import resolve_secrets

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.services.contract import DeploymentSpec

__all__ = ["plain_variables", "scoring_variables"]


def scoring_variables(context: Context, spec: DeploymentSpec) -> dict[str, str]:
    """Return the settings of the scoring server, and the user's variables with their secrets.

    :raises InvalidInputError: for a reference to a secret that is not there.
    """
    return {
        **plain_variables(spec),
        **resolve_secrets(spec.config.variables, context.secrets(spec.service.workspace)),
    }


def plain_variables(spec: DeploymentSpec) -> dict[str, str]:
    """Return the settings of the scoring server alone: no secret is among them."""
    config = spec.config
    found = {
        "SERVICE_NAME": spec.service.name,
        "SERVICE_VERSION": str(spec.image.version),
        "AML_SCORING_DRAIN_SECONDS": str(config.drain_seconds),
    }
    if config.scoring_timeout_ms is not None:
        found["SCORING_TIMEOUT_MS"] = str(config.scoring_timeout_ms)
    if config.max_request_bytes is not None:
        found["AML_SCORING_MAX_REQUEST_BYTES"] = str(config.max_request_bytes)
    return found
