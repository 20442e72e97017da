"""What scripts import as ``azureml.contrib.services.aml_request``: ``rawhttp`` and ``AMLRequest``.

Where Flask is installed, ``AMLRequest`` is Flask's request; else it is ours with Flask's common attributes.
"""

from __future__ import annotations

from .raw_wish import rawhttp

__all__ = ["AMLRequest", "rawhttp"]

try:
    from flask import Request as AMLRequest
except ImportError:
    from .plain_request import PlainRequest as AMLRequest  # type: ignore[assignment]  # the same, smaller
