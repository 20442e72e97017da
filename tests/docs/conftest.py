"""The documentation as a reader meets it: a page, a new home, the repository's examples."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from documentation import ROOT


@pytest.fixture(scope="session")
def built_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers and environments of images: a machine makes them once, not once a page."""
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def reader(aml_home: Path, built_before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of somebody who never set anything: all is below ``HOME``; the examples are copies."""
    home = tmp_path / "reader"
    home.mkdir()
    aml_home.rename(home / ".aml")
    for name in ("images", "environments"):
        (built_before / name).mkdir(exist_ok=True)
        (home / ".aml" / name).symlink_to(built_before / name)
    monkeypatch.delenv("AML_HOME")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # every command imports MLflow again
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    shutil.copytree(ROOT / "docs" / "examples", Path.cwd() / "docs" / "examples")
    return dict(os.environ)
