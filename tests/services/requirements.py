"""What happens to a test whose service is not installed."""

from __future__ import annotations

import os

import pytest

__all__ = ["require_service"]


def require_service(name: str, found: object, command: str) -> None:
    """Skip the test where a service is missing, saying how to get it; under CI, where all must be there, fail."""
    if found:
        return
    reason = f"{name} is not installed. Run: {command}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)
