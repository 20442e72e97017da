"""What scripts import as ``azureml.contrib.services.aml_response``: ``AMLResponse``.

Where Flask is installed it is a Flask response; else one of ours with Flask's common attributes.
"""

from __future__ import annotations

import json
from typing import Any, Mapping

__all__ = ["AMLResponse"]

try:
    from flask import Response as _Response
except ImportError:
    from .plain_response import PlainResponse as _Response  # type: ignore[assignment]  # the same, smaller


class AMLResponse(_Response):
    """A response with a status and headers of the script's choice.

    :param message: the body: text or bytes; with ``json_str`` anything that JSON can say; None means ``{}``.
    :param response_headers: a value with commas becomes several headers.
    :param run_function_failed: what ``x-ms-run-function-failed`` says.
    """

    def __init__(
        self,
        message: Any,
        status_code: Any,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        headers = response_headers or {}
        if message is None or json_str:
            text = json.dumps({} if message is None else message)
            super().__init__(text, status=status_code, mimetype="application/json")
        else:
            super().__init__(message, status=status_code)
            if "Content-Type" in headers:
                self.headers.remove("Content-Type")
        self.headers["x-ms-run-function-failed"] = str(run_function_failed)
        for name, value in headers.items():
            for part in value.split(","):
                self.headers.add(name, part.strip())
