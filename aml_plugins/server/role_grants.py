"""What each role may do, as MLflow's permissions: its user interface shows and changes the same rows."""

from __future__ import annotations

from aml_plugins.server.access import Role

__all__ = ["DESCRIPTIONS", "GRANTS", "role_of_word"]

_SEEN = ("experiment", "registered_model", "prompt", "scorer", "mcp_server")
"""Kinds of things that belong to the team. Runs, traces, model versions and so on follow the thing they are part of."""
_GATEWAY = ("gateway_endpoint", "gateway_model_definition")

GRANTS: dict[Role, dict[str, str]] = {
    Role.OWNER: {"workspace": "MANAGE"},
    Role.CONTRIBUTOR: {
        "workspace": "USE",
        **dict.fromkeys(_SEEN, "EDIT"),
        # Whoever uses a language model through the gateway needs no say in its keys.
        **dict.fromkeys((*_GATEWAY, "gateway_secret"), "USE"),
    },
    Role.READER: dict.fromkeys((*_SEEN, *_GATEWAY), "READ"),
}
"""Permission by kind of thing, on all things of the kind."""

DESCRIPTIONS = {
    Role.OWNER: "Manages members, compute targets, datastores and settings, and may do everything in the workspace.",
    Role.CONTRIBUTOR: "Submits, registers, builds and deploys.",
    Role.READER: "Looks and downloads.",
}


def role_of_word(word: str) -> Role | None:
    """Return the role of this name, None for any other word."""
    return {role.name.lower(): role for role in GRANTS}.get(word.strip().lower())
