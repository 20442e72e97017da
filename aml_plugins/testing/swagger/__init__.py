"""Check HTTP traffic against Swagger 2.0 files as Azure's are written: what is sent, and what comes back."""

from __future__ import annotations

from aml_plugins.testing.swagger.specification import Specification

__all__ = ["Specification"]
