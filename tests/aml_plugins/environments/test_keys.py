"""Equal environments have equal keys, others have others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aml_plugins.environments.builders import environment_key
from aml_plugins.environments.builders.redaction import redact


def pip(*requirements: str) -> str:
    return environment_key({"kind": "pip", "requirements": list(requirements)})


def conda(**specification: object) -> str:
    return environment_key({"kind": "conda", "specification": specification})


def test_what_is_required_counts() -> None:
    assert pip("a==1", "b") == pip("a==1", "b")
    assert len({pip("a==1"), pip("a==2"), pip("b", "a==1"), pip("a==1", "b"), pip()}) == 5


def test_the_python_counts() -> None:
    version = "{}.{}".format(*sys.version_info)
    asked = environment_key({"kind": "pip", "requirements": [], "python": version})
    assert asked != pip()  # the same today, another tomorrow: where the target's Python changes


def test_a_conda_specification_s_name_and_prefix_do_not_count() -> None:
    assert conda(name="one", prefix="/a", dependencies=["python"]) == conda(name="two", dependencies=["python"])
    assert conda(dependencies=["python"]) != conda(dependencies=["python=3.11"])
    assert conda(channels=["a", "b"], dependencies=[]) != conda(channels=["b", "a"], dependencies=[])


@pytest.mark.parametrize(
    "line", ["wheels/a.whl", "./wheels/a.whl", "a.whl[extra]", "a @ file:wheels/a.whl", "-fwheels"]
)
def test_the_content_of_files_in_the_source_directory_counts(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wheels").mkdir()
    files = [Path("a.whl"), Path("wheels/a.whl")]
    for file in files:
        file.write_text("one")
    line = line.replace("-fwheels", "--find-links=./wheels")
    before, other = pip(line), pip("b")
    for file in files:
        file.write_text("two")
    assert (pip(line) == before, pip("b") == other) == (False, True)


def test_uv_s_settings_in_the_source_directory_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = pip("a")
    Path("pyproject.toml").write_text("[tool.ruff]\n")
    assert pip("a") == before
    Path("pyproject.toml").write_text("[tool.uv.pip]\nno-index = true\n")
    assert pip("a") != before


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--index-url https://user:pw@host/simple x", "--index-url https://****@host/simple x"),
        ("https://token@host/simple", "https://****@host/simple"),
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("https://host/t/abc-123/channel", "https://host/t/****/channel"),
        ("https://host/simple/a@1", "https://host/simple/a@1"),
    ],
)
def test_what_is_redacted(text: str, shown: str) -> None:
    assert redact(text) == shown
