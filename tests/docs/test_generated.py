"""Pages that are made from the code are those that the code makes now, and lists in prose are complete."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from types import ModuleType

import click
import pytest
from documentation import ROOT

import aml_plugins
from aml_plugins import errors
from aml_plugins.cli.app import NOUNS
from aml_plugins.cli.app import ROOT as COMMANDS

DOCS = ROOT / "docs"
GENERATORS = [
    "generate_airflow",
    "generate_command_line",
    "generate_openapi",
    "generate_python_api",
    "generate_rest_types",  # from the document of the REST API, which is before it here
    "generate_roles",
]


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generated_page_is_current(name):
    made = generator(name)
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), f"Run: python docs/{name}.py"


def commands(path: tuple[str, ...], command: click.Command) -> list[tuple[str, click.Command]]:
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [(" ".join(path), command), *(pair for name, one in below for pair in commands((*path, name), one))]


@pytest.mark.parametrize("noun", NOUNS)
def test_every_verb_and_option_is_on_the_page(noun):
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    found = COMMANDS.get_command(click.Context(COMMANDS), noun)
    assert found is not None
    for path, command in commands(("aml", noun), found):
        assert re.search(rf"^##+ {path}$", page, re.MULTILINE), path
        options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
        section = page.partition(f" {path}\n")[2].partition("\n#")[0]
        for option in options:
            assert f"`{max(option.opts, key=len)}`" in section + page.partition("## aml ")[0], option.opts


def test_every_public_name_is_on_the_page():
    page = (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    for name in aml_plugins.__all__:
        if name != "__version__":
            assert f"## {name}\n" in page or f"`{name}`" in page, name


def test_the_error_table_is_the_code():
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = {
        cells[0].strip("`"): (cells[1].strip("`"), int(cells[2]), cells[3].strip("`"))
        for line in page.splitlines()
        if line.startswith("| `") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    classes = {name: getattr(errors, name) for name in errors.__all__}
    assert rows == {
        name: (found.code, found.exit_code, "" if found is errors.AmlError else found.__base__.__name__)
        for name, found in classes.items()
    }


def test_a_generator_writes_its_page(tmp_path):
    """The scripts run as their first lines say; here in one process, for what they import takes seconds."""
    copy = tmp_path / "docs"
    (copy / "reference").mkdir(parents=True)
    (tmp_path / "aml_plugins").mkdir()
    scripts = [shutil.copy(DOCS / f"{name}.py", copy) for name in GENERATORS]
    run_each = "import runpy, sys; [runpy.run_path(script, run_name='__main__') for script in sys.argv[1:]]"
    subprocess.run([sys.executable, "-c", run_each, *scripts], check=True, timeout=600)
    assert sorted(path.name for path in (copy / "reference").iterdir()) == [
        "airflow.md",
        "command-line.md",
        "openapi.json",
        "python-api.md",
        "roles.md",
    ]
    assert [path.name for path in (tmp_path / "aml_plugins").iterdir()] == ["rest_types.py"]
