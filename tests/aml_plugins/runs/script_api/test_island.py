"""The script API runs on machines that have nothing but an old Python."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aml_plugins.runs.runner
from aml_plugins.environments.builders import BuildError
from aml_plugins.environments.builders.interpreters import choose

SCRIPT_API = Path(aml_plugins.runs.runner.__file__).parent / "script_api"
FILES = sorted(SCRIPT_API.rglob("*.py"))
OLDEST = (3, 8)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPT_API)))
def test_file_is_of_the_oldest_grammar_and_imports_the_standard_library_only(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=OLDEST)
    absolute = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    absolute += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    foreign = {name.split(".")[0] for name in absolute} - set(sys.stdlib_module_names) - {"aml_script_run"}
    assert not foreign


def test_annotations_are_never_evaluated() -> None:
    """``list[str]`` in an annotation is fine for 3.8 as long as nobody asks for its value."""
    without = [path.name for path in FILES if "from __future__ import annotations" not in path.read_text()]
    assert not without


def test_import_loads_little() -> None:
    code = "import sys; before = set(sys.modules); import azureml.core; print(*(set(sys.modules) - before))"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(SCRIPT_API)}, capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert not {"numpy", "asyncio", "urllib.request", "subprocess", "email", "logging"} & set(modules)
    assert len(modules) < 90


def test_works_on_the_oldest_python(tmp_path: Path) -> None:
    try:
        python = choose("3.8").path
    except BuildError:
        pytest.skip("Python 3.8 is not here")
    script = (
        "import azureml.core\n"
        "print('SDK version:', azureml.core.VERSION)\n"
        "from azureml.core import Run, Model, VERSION\n"
        "assert VERSION == azureml.core.__version__\n"
        "run = Run.get_context()\n"
        "run.log('a', 1)\n"
        "with run.child_run('c') as child:\n"
        "    child.log_row('r', x=1)\n"
        "assert run.get_metrics(recursive=True)[run.id] == {'a': 1}\n"
        "run.upload_file('x.txt', __file__)\n"
    )
    (tmp_path / "script.py").write_text(script)
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SCRIPT_API),
        "AML_RUN_ID": "a" * 32,
        "AML_RECORDS": str(tmp_path / "records.jsonl"),
        "AML_JOB_DIRECTORY": str(tmp_path),
    }
    subprocess.run([python, str(tmp_path / "script.py")], env=variables, check=True)
    assert len((tmp_path / "records.jsonl").read_bytes().splitlines()) == 6
