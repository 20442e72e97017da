"""Documentation is a test: every hook has a heading with its signature, and a test that names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from aml_plugins import hookspecs

ROOT = Path(__file__).parents[3]


def hooks() -> dict[str, str]:
    """Return the signature of each hook as it is written in the source."""
    tree = ast.parse(Path(hookspecs.__file__).read_text(encoding="utf-8"))
    return {
        node.name: f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize(("name", "signature"), hooks().items(), ids=hooks())
def test_a_hook_has_a_heading_with_its_exact_signature(name, signature):
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    assert f"### `{signature}`\n" in page


def test_the_page_has_no_heading_for_a_hook_that_is_gone():
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### `(\w+)\(", page, re.MULTILINE)) == set(hooks())


@pytest.mark.parametrize("name", hooks())
def test_a_hook_has_a_test_that_names_it(name):
    tests = (Path(__file__).parent / "test_hooks.py").read_text(encoding="utf-8")
    assert re.search(rf"^def test_{name}\w*\(", tests, re.MULTILINE)


@pytest.mark.parametrize("name", hooks())
def test_a_hook_says_what_its_arguments_and_answer_are(name):
    documented = getattr(hookspecs, name).__doc__ or ""
    node = next(node for node in ast.parse(hooks_source()).body if getattr(node, "name", None) == name)
    arguments = {argument.arg for argument in node.args.args}
    told = set(re.findall(r":param (\w+):", documented)) | set(re.findall(r"likewise ``(\w+)``", documented))
    assert arguments == told
    assert (":returns:" in documented) == (ast.unparse(node.returns) != "None")


def hooks_source() -> str:
    return Path(hookspecs.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("number", range(3))
def test_the_plugins_of_the_how_to_work(ask, fabricate, number):
    page = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    source = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[number]
    directory = fabricate("example", {"example": "example_plugin"}, {"example_plugin": source})
    code = """
from aml_plugins.plugins import default_plugins
plugins = default_plugins()
answer, = [[each.hooks, each.problems] for each in plugins.describe() if each.name == "example"]
"""
    (hook,), problems = ask(code, directory)
    assert hook in hooks()
    assert problems == []
