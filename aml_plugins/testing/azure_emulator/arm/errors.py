"""Errors as the resource manager answers them."""

from __future__ import annotations

from aml_plugins.testing.azure_emulator.exchange import Answer

__all__ = ["ArmProblem"]


class ArmProblem(Exception):  # noqa: N818  it is an answer
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """Return it as an answer."""
        return Answer(self.status, {"error": {"code": self.code, "message": self.message}})
