"""The published JSON Schema: current, and of one mind with the model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.configuration.schema import schema_text

ROOT = Path(__file__).resolve().parents[4]
PUBLISHED = ROOT / "docs" / "reference" / "runconfig.schema.json"
REFERENCE = ROOT / "docs" / "reference" / "run-configuration.md"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aml_plugins.runs.configuration", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_published_schema_is_current() -> None:
    found = run("schema")
    assert found.returncode == 0
    assert PUBLISHED.read_text(encoding="utf-8") == found.stdout, (
        "Run: python -m aml_plugins.runs.configuration schema > docs/reference/runconfig.schema.json"
    )
    assert run().returncode == 2


def test_every_key_says_what_it_is() -> None:
    schema = json.loads(schema_text())
    for section in [schema, *schema["$defs"].values()]:
        for name, key in section.get("properties", {}).items():
            assert key.get("description") or name == "kind", name


def examples() -> list[str]:
    return [part.split("```")[0] for part in REFERENCE.read_text(encoding="utf-8").split("```yaml\n")[1:]]


@pytest.mark.parametrize("text", examples())
def test_the_examples_of_the_reference_are_right(text: str, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(text))
    (tmp_path / ".aml").mkdir()
    (tmp_path / ".aml" / "x.runconfig").write_text(text)
    config = RunConfiguration.load(tmp_path, "x")
    assert config != RunConfiguration()
    assert config.unknown == {}


@pytest.mark.parametrize(
    "value",
    [{"nodeCount": 1}, {"environment": {"kind": "x"}}, {"environment": {}}, {"node_count": 0},
     {"arguments": {"a": 1}}, {"time_limit": []}],
)  # fmt: skip
def test_an_editor_shows_mistakes(value: object) -> None:
    assert not jsonschema.Draft202012Validator(json.loads(schema_text())).is_valid(value)


def test_the_reference_names_every_key() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    schema = json.loads(schema_text())
    for section in [schema, *schema["$defs"].values()]:
        for name in section.get("properties", {}):
            assert f"`{name}`" in text, name
