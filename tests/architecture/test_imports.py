"""Who may import whom, and what an import may cost."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"airflow", "alembic", "azure", "kubernetes", "mlflow", "numpy", "pandas", "rattler", "sqlalchemy"}
# What these may import besides: compute and datastores are contracts with pydantic models, and no more.
LIGHT = {
    "aml_plugins": HEAVY | {"pydantic", "click", "yaml", "rich"},
    "aml_plugins.hookspecs": HEAVY | {"pydantic", "click", "yaml", "rich"},
    "aml_plugins.plugins": HEAVY | {"pydantic", "click", "yaml", "rich"},
    "aml_plugins.datastores.plugin": HEAVY | {"pydantic", "click", "yaml", "rich"},
    "aml_plugins.tasks.plugin": HEAVY | {"pydantic", "click", "yaml", "rich"},
    "aml_plugins.secrets.plugin": HEAVY | {"pydantic", "click", "yaml", "rich", "cryptography"},
    "aml_plugins.telemetry.plugin": HEAVY | {"pydantic", "click", "yaml", "rich", "opentelemetry"},
    "aml_backends.azure": HEAVY | {"pydantic", "click", "yaml", "rich", "cryptography", "opentelemetry"},
    "aml_backends.local": HEAVY | {"click", "yaml", "rich"},
    "aml_backends.ssh": HEAVY | {"pydantic", "click", "yaml", "rich", "asyncssh", "cryptography"},
    "aml_backends.docker": HEAVY | {"pydantic", "click", "yaml", "rich", "docker", "requests"},
    "aml_plugins.testing.pytest_plugin": HEAVY | {"pydantic", "click", "yaml"},
    "aml_airflow.get_provider_info": HEAVY | {"pydantic", "click", "yaml", "rich", "pluggy"},
    "aml_plugins.compute": HEAVY | {"click", "rich"},
    "aml_plugins.context": HEAVY | {"click", "rich"},
}
LOOK = """
import importlib, json, sys
before = set(sys.modules)  # a .pth file of somebody may have imported things already
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_is_light(module):
    done = subprocess.run([sys.executable, "-c", LOOK, module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not LIGHT[module] & set(json.loads(done.stdout))


def test_the_walls_between_packages_hold(root):
    code = "from importlinter.cli import lint_imports_command as run; run(['--no-cache', '--no-logo'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout
