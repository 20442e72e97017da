"""Microsoft's own SDK, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["INSTALL", "find_azureml"]

INSTALL = "tools/azureml install"
_TOOL = Path(__file__).parents[2] / "tools" / "azureml"


def find_azureml() -> str | None:
    """Return a Python that has azureml-core: the one that ``AML_AZUREML_PYTHON`` names, else the tool's."""
    named = os.environ.get("AML_AZUREML_PYTHON")
    if named:
        return named
    found = subprocess.run([str(_TOOL), "find"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
