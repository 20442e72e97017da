"""Errors as the resource manager answers them."""

from __future__ import annotations

from aml_plugins.testing.azure_emulator.exchange import Answer
from aml_plugins.testing.azure_emulator.problem import Problem

__all__ = ["ArmProblem"]


class ArmProblem(Problem):
    """A request that is answered with an error."""

    def answer(self) -> Answer:
        """Return it as an answer."""
        return Answer(self.status, {"error": {"code": self.code, "message": self.message}})
