"""Missing services are told, and are failures where all should be there."""

from __future__ import annotations

import pytest
from services.requirements import require_service


def test_a_missing_service_skips_with_the_command(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Run: tools/postgresql install"):
        require_service("PostgreSQL", None, "tools/postgresql install")


def test_a_missing_service_fails_under_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL is not installed"):
        require_service("PostgreSQL", None, "tools/postgresql install")


def test_a_service_that_is_there_is_used(monkeypatch):
    monkeypatch.setenv("CI", "true")
    require_service("PostgreSQL", "/usr/bin", "tools/postgresql install")
