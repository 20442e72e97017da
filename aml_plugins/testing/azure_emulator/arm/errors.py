"""Errors as the resource manager answers them."""

from __future__ import annotations

from aml_plugins.testing.azure_emulator.exchange import Answer
from aml_plugins.testing.azure_emulator.problem import Problem

__all__ = ["ArmProblem", "not_found"]

# What the resource manager says itself, without asking the service behind it.
_OF_THE_GATEWAY = frozenset(
    {
        "AuthenticationFailed", "InvalidApiVersionParameter", "InvalidAuthenticationToken", "InvalidResourceType",
        "LocationRequired", "MissingApiVersionParameter", "ParentResourceNotFound", "ResourceGroupNotFound",
        "ResourceNotFound", "SubscriptionNotFound",
    }
)  # fmt: skip


class ArmProblem(Problem):
    """A request that is answered with an error."""

    def answer(self) -> Answer:
        """Return it as an answer."""
        headers = {"x-ms-failure-cause": "gateway"} if self.code in _OF_THE_GATEWAY else {}
        return Answer(self.status, {"error": {"code": self.code, "message": self.message}}, headers)


def not_found(path: str) -> ArmProblem:
    """Return the refusal of a resource that is not there.

    :param path: its id.
    """
    parts = path.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    group = parts[lowered.index("resourcegroups") + 1] if "resourcegroups" in lowered else ""
    kinds = parts[lowered.index("providers") + 1 :]
    name = "/".join([*kinds[:1], *kinds[1::2], *kinds[2::2]])
    return ArmProblem(
        404,
        "ResourceNotFound",
        f"The Resource '{name}' under resource group '{group}' was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
    )
