"""Write docs/reference/airflow.md from the provider's sources: python docs/generate_airflow.py. Needs no Airflow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import aml_airflow
from aml_airflow.get_provider_info import get_provider_info

PAGE = Path(__file__).parent / "reference" / "airflow.md"
SOURCES = Path(aml_airflow.__file__).parent
KINDS = {"operators": "Operators", "sensors": "Sensors", "triggers": "Triggers", "hooks": "Hook"}
INTRODUCTION = """\
# Airflow provider

<!-- Written by docs/generate_airflow.py; do not edit. -->

How to use them: {doc}`/how-to/run-from-airflow`. What happens to a run when a task is killed, retried, marked or
cleared: {doc}`/explanation/airflow`. Every operator and sensor takes Airflow's own parameters, too, such as `retries`
and `execution_timeout`; *templated* parameters take Jinja templates.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should be."""
    classes = dict(_classes())
    parts = [INTRODUCTION, *_connection()]
    for kind, title in KINDS.items():
        parts.append(f"## {title}\n")
        for entry in get_provider_info()[kind]:
            for module in entry["python-modules"]:
                for name in _public(module):
                    parts.extend(_class(classes, module, name))
    return "\n".join(parts)


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node.name, node


def _public(module: str) -> list[str]:
    file = SOURCES.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [name for name in ast.literal_eval(node.value) if name.startswith("Aml")]
    return []


def _connection() -> Iterator[str]:
    (kind,) = get_provider_info()["connection-types"]
    yield f"## Connection type `{kind['connection-type']}`: {kind['hook-name']}\n"
    labels = kind["ui-field-behaviour"]["relabeling"]
    yield "| field | meaning |\n|---|---|"
    for name, what in kind["ui-field-behaviour"]["placeholders"].items():
        yield f"| {labels.get(name, name)} (`{name}`) | {what} |"
    yield "| Password (`password`) | its password |\n| Port (`port`) | where the host does not say it |"
    for name, field in kind["conn-fields"].items():
        yield f"| {field['label']} (`{name}`, in extra) | {field['description']} |"
    yield ""


def _class(classes: dict[str, ast.ClassDef], module: str, name: str) -> Iterator[str]:
    node = classes[name]
    yield f"### {name}\n\n```python\nfrom {module} import {name}\n```\n"
    yield _prose(ast.get_docstring(node) or "")
    inherited = [line for base in _bases(classes, node) for line in _parameters(ast.get_docstring(base) or "")]
    if inherited:
        yield "\n".join(inherited) + "\n"


def _bases(classes: dict[str, ast.ClassDef], node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    for base in node.bases:
        found = classes.get(ast.unparse(base))
        if found is not None:
            yield found
            yield from _bases(classes, found)


def _prose(docstring: str) -> str:
    """Turn a docstring into Markdown: code in single backticks, parameters as a list."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", docstring).replace("``", "`")
    text = re.sub(r"^:param (\w+):", r"- `\1`:", text, flags=re.MULTILINE)
    return re.sub(r"\n    +", r"\n  ", text)


def _parameters(docstring: str) -> list[str]:
    return re.findall(r"^- `\w+`:.*(?:\n  .*)*", _prose(docstring), flags=re.MULTILINE)


if __name__ == "__main__":
    main()
