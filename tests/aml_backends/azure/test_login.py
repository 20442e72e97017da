"""Azure's own credential: what it says where nobody is known."""

from __future__ import annotations

import subprocess
import sys

CODE = """
from azure.core.exceptions import ClientAuthenticationError
from aml_backends.azure.login import default_credential
try:
    default_credential().get_token("https://management.azure.com/.default")
except ClientAuthenticationError:
    print("nobody")
"""


def test_nothing_but_the_error_is_said_where_nobody_is_known(tmp_path):
    unknown = {"PATH": "/nowhere", "HOME": str(tmp_path), "AZURE_TOKEN_CREDENTIALS": "dev"}  # asks no metadata service
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=unknown, capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout, done.stderr) == ("nobody\n", "")
