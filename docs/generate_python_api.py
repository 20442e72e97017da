"""Write docs/reference/python-api.md from signatures and docstrings: python docs/generate_python_api.py."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import aml_plugins

PAGE = Path(__file__).parent / "reference" / "python-api.md"
INTRODUCTION = """\
# Python

<!-- Written by docs/generate_python_api.py; do not edit. -->

Everything here is imported from `aml_plugins`. Mistakes raise a subclass of `AmlError`: {doc}`errors`. `hookimpl` marks
what a plugin provides: {doc}`hooks`. The keys of a `RunConfiguration` are in {doc}`run-configuration`.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should be."""
    classes = [getattr(aml_plugins, name) for name in sorted(aml_plugins.__all__)]
    return "\n".join([INTRODUCTION, *("\n".join(_class(found)) for found in classes if inspect.isclass(found))])


def _class(found: type) -> Iterator[str]:
    node = _source(found)
    ours = [base for base in found.__mro__ if base.__module__.startswith("aml_plugins.")]
    members = [member for base in ours for member in _source(base).body if isinstance(member, ast.FunctionDef)]
    yield f"## {found.__name__}\n"
    yield _prose(ast.get_docstring(node))
    initializer = next((member for member in members if member.name == "__init__"), None)
    if initializer is not None:
        yield f"```python\n{found.__name__}({_arguments(initializer)})\n```\n"
    for member in members:
        if not member.name.startswith("_"):
            yield from _member(found.__name__, member)


def _source(found: type) -> ast.ClassDef:
    (node,) = ast.parse(inspect.getsource(found)).body
    assert isinstance(node, ast.ClassDef)
    return node


def _member(owner: str, node: ast.FunctionDef) -> Iterator[str]:
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if "property" in decorators:
        returns = returns.replace(" -> ", ": ")
        yield f"### {owner}.{node.name}\n\n```python\n{node.name}{returns}\n```\n"
    else:
        yield f"### {owner}.{node.name}()\n\n```python\n{node.name}({_arguments(node)}){returns}\n```\n"
    yield _prose(ast.get_docstring(node))


def _arguments(node: ast.FunctionDef) -> str:
    """Return the signature as written, without ``self`` and ``cls``."""
    return re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args))


def _prose(docstring: str | None) -> str:
    """Turn a docstring into Markdown: code in single backticks, parameters as a list."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", docstring or "").replace("``", "`")
    text = re.sub(r"^:param (\w+):", r"- `\1`:", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises (\w+):", r"- raises `\1`", text, flags=re.MULTILINE)
    text = re.sub(r"^:returns:", r"- returns", text, flags=re.MULTILINE)
    return re.sub(r"\n    +", r"\n  ", text) + "\n"


if __name__ == "__main__":
    main()
