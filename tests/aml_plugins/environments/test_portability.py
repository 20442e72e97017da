"""Any CPython from 3.8 on, standard library only."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from services.wheels import write_wheel

import aml_plugins.environments.builders
from aml_plugins.environments.builders import BuildError
from aml_plugins.environments.builders.interpreters import choose

PACKAGE = Path(aml_plugins.environments.builders.__file__).parent
SOURCES = sorted(PACKAGE.glob("*.py"))
BUILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from builders import prepare
print(json.dumps(prepare(json.loads(sys.argv[2]), sys.argv[3], sys.stderr.buffer, lambda: False)))
"""


@pytest.mark.parametrize("path", SOURCES, ids=[path.name for path in SOURCES])
def test_syntax_of_the_oldest_python(path: Path) -> None:
    tree = ast.parse(path.read_text(), path.name, feature_version=(3, 8))
    plain = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    froms = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    allowed = {*sys.stdlib_module_names, *(["rattler"] if path.name == "solving.py" else [])}
    assert {name.split(".")[0] for name in [*plain, *froms]} <= allowed
    assert "from __future__ import annotations" in path.read_text()


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_other_interpreters_build(preparing: Any, version: str) -> None:
    try:
        python = choose(version).path
    except BuildError:
        pytest.skip(f"Python {version} is not here")
    wheel = write_wheel(preparing.source / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    environment = {"kind": "pip", "requirements": ["--no-index", f"wheels/{wheel.name}"]}
    done = subprocess.run(
        [python, "-I", "-S", "-c", BUILD, str(PACKAGE.parent), json.dumps(environment), str(preparing.cache)],
        cwd=preparing.source,
        env=preparing.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    program = "import sys, tiny; print(tiny.ANSWER, '%d.%d' % sys.version_info[:2])"
    assert preparing.python(json.loads(done.stdout), program) == f"1 {version}"
