"""Errors as IoT Hub answers them."""

from __future__ import annotations

import uuid

from aml_plugins.testing.azure_emulator.exchange import Answer
from aml_plugins.testing.azure_emulator.problem import Problem

__all__ = ["HubProblem"]


class HubProblem(Problem):
    """A request that is answered with an error."""

    def answer(self) -> Answer:
        """Return it as an answer: the code is part of the text, and a header says it, too."""
        text = f"ErrorCode:{self.code};{self.message}"
        body = {"Message": text, "ExceptionMessage": f"Tracking ID:{uuid.uuid4().hex}"}
        return Answer(self.status, body, {"iothub-errorcode": self.code})
