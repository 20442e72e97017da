"""Differential: what scripts import of azureml-core does the same without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from requests_table import SCRIPTS
from servers import ROOT
from services.azureml import INSTALL, find_azureml
from services.requirements import require_service


def said(directory: Path, python: str | Path, *arguments: str) -> Any:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "AZUREML_", "PYTHON"))}
    directory.mkdir()
    command = [str(python), str(SCRIPTS / "azure_names.py"), *arguments]
    done = subprocess.run(command, cwd=directory, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_names_of_azureml_core(tmp_path):
    python = find_azureml()
    require_service("azureml-core", python is not None, INSTALL)
    (tmp_path / "island").mkdir()
    (tmp_path / "island" / "aml_scoring").symlink_to(ROOT / "aml_plugins" / "scoring")
    ours = said(tmp_path / "ours", sys.executable, str(tmp_path / "island"))
    assert ours["paths"][0] == "azureml-models/iris/10/m.pkl"
    assert ours == said(tmp_path / "theirs", python)
