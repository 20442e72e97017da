"""``.aml/NAME.runconfig``: found, read, written; and what strangers put into such files."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.runs.configuration import PipEnvironment, RunConfiguration


def write(directory: Path, content: str | bytes, name: str = "x") -> Path:
    (directory / ".aml").mkdir(exist_ok=True)
    path = directory / ".aml" / f"{name}.runconfig"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


WORDED = """\
# a comment
script: train.py        # another
arguments: [--alpha, 0.50, 1e-3, true, yes, 010, 2020-01-01]
environment: {kind: pip, python: 3.10, requirements: [numpy]}
environment_variables:
  VERSION: 1.10
  FLAG: True
  NOTHING:
resources:
spark: {conf: {spark.x: true, spark.y: 1.0}}
tags: {1: 2}
"""


def test_text_arrives_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, WORDED)
    config = RunConfiguration.load(tmp_path, "x")
    assert config.arguments == ("--alpha", "0.50", "1e-3", "true", "yes", "010", "2020-01-01")
    assert config.environment == PipEnvironment(python="3.10", requirements=["numpy"])
    assert config.environment_variables == {"VERSION": "1.10", "FLAG": "True", "NOTHING": ""}
    assert config.spark is not None
    assert config.spark.conf == {"spark.x": "true", "spark.y": "1.0"}
    assert config.tags == {"1": "2"}


def test_numbers_and_booleans_inside_a_specification_stay_what_they_are(tmp_path: Path) -> None:
    inner = {"kind": "conda", "specification": {"dependencies": [], "variables": {"A": False, "B": 1.5}}}
    config = RunConfiguration(environment={"kind": "docker", "image": "i", "python": inner})
    config.save(tmp_path, "x")
    assert RunConfiguration.load(tmp_path, "x") == config


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r").encode(),
    ],
    ids=["bom", "crlf", "utf-16", "cr"],
)
def test_windows_files(tmp_path: Path, encode) -> None:
    write(tmp_path, WORDED)
    write(tmp_path, encode(WORDED), "windows")
    assert RunConfiguration.load(tmp_path, "windows") == RunConfiguration.load(tmp_path, "x")


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    write(tmp_path, "environment_variables: &a {A: 1, B: 1}\ntags: {<<: *a, B: 2}\n")
    config = RunConfiguration.load(tmp_path, "x")
    assert (config.environment_variables, config.tags) == ({"A": "1", "B": "1"}, {"A": "1", "B": "2"})


BOMB = "tags: &a0 {x: y}\n" + "".join(f"k{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("script: a\nscript: b\n", "line 2: the key 'script' is there already, in line 1."),
        ("tags:\n  a: 1\n  b: 2\n  a: 3\n", "line 4: the key 'tags.a' is there already, in line 2."),
        ('{"script": "a", "script": "b"}', "line 1: the key 'script' is there already, in line 1."),
        ("script: a\ntags:\n\ta: 1\n", "line 3: a tab character where YAML wants spaces."),
        ("tags: !!python/object/apply:os.system [touch pwned]", "line 1: the tag '!!python/object/apply:os.system'"),
        ("script: !!python/name:os.system x", "line 1: the tag '!!python/name:os.system' is not allowed."),
        ("script: !secret a", "line 1: the tag '!secret' is not allowed."),
        ("tags: !!set {a, b}", "line 1: the tag '!!set' is not allowed."),
        ("script: !!binary aGk=", "line 1: the tag '!!binary' is not allowed."),
        (BOMB, "is nested too deeply or holds more than 20000 values."),
        ("tags: &a\n  a: *a\n", "is nested too deeply or holds more than 20000 values."),
        ("tags: " + "[" * 5000, "nested too deeply"),
        ("tags: [" + "1," * 50_000 + "]", "nested too deeply"),
        ("tags: " + "{a: " * 60 + "}" * 60, "nested too deeply"),
        ("# " + "x" * 1_100_000, "is larger than 1048576 bytes."),
        ("- a\n- b\n", "is not a mapping of keys to values."),
        ("train.py", "is not a mapping of keys to values."),
        ("script: a\n---\nscript: b\n", "a second document begins"),
        ("script: 'a\n", "this is not valid YAML ("),
        ("script: *a\n", "line 1: this is not valid YAML (found undefined alias 'a')."),
        ("? [a, b]\n: c\n", "line 1: a key must be text."),
        ("tags: {<<: 3}\n", "line 1: '<<' wants a mapping."),
        (b"script: caf\xe9\n", "line 1: this is not UTF-8 text."),
        (b"script: a\x00b\n", "contains the character #x0000, which YAML does not allow."),
        (b"\xff\xfea", "line 1: this is not UTF-8 text."),
        ('script: "\\ud800"', "line 1: this text is not valid Unicode."),
        ("script: a\n\nnode_count: many\n", "line 3: 'node_count' must be a whole number, not 'many'."),
        ("environment:\n  kind: pip\n  pyhton: 3\n", "line 3: there is no key 'environment.pyhton'. Did you mean 'p"),
        ("environment:\n  requirements: [a]\n", "line 1: 'environment' has no 'kind'"),
        ("data:\n  d:\n    mode: mount\n", "line 2: 'data.d.datastore' is missing."),
        ("arguments:\n- a\n- {b: c}\n", "line 1: 'arguments' has a mapping as argument 2"),
        ("nodeCount: 2\n", "line 1: there is no key 'nodeCount'. Did you mean 'node_count'?"),
        ("node_count: " + "1" * 5000, "'node_count' must be a"),
    ],
)  # fmt: skip
def test_bad_files_are_one_sentence_with_file_and_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    write(tmp_path, content)
    with pytest.raises(InvalidInputError) as caught:
        RunConfiguration.load(tmp_path, "x")
    assert caught.value.what.startswith(".aml/x.runconfig")
    assert message in caught.value.what
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "{}", "---\n", "environment:\ndata:\ntags:\n"])
def test_empty_files_and_sections_are_the_defaults(tmp_path: Path, content: str) -> None:
    write(tmp_path, content)
    assert RunConfiguration.load(tmp_path, "x") == RunConfiguration()


def test_a_name_or_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "script: a.py")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text("script: b.py")
    assert RunConfiguration.load(tmp_path, "x.runconfig").script == "a.py"
    assert RunConfiguration.load(tmp_path, str(path)).script == "a.py"
    assert RunConfiguration.load(tmp_path, "elsewhere.yaml").script == "b.py"
    monkeypatch.chdir(tmp_path)
    assert RunConfiguration.load("/", "./elsewhere.yaml").script == "b.py"


def test_ours_comes_before_azure_ml(tmp_path: Path) -> None:
    write(tmp_path, "script: ours.py")
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "x.runconfig").write_text("script: theirs.py")
    assert RunConfiguration.load(tmp_path, "x").script == "ours.py"


def test_what_the_source_directory_has_not_may_lie_where_the_command_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "src"
    source.mkdir()
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "script: beside.py")
    assert RunConfiguration.load("src", "x").script == "beside.py"
    (tmp_path / "plain.runconfig").write_text("script: plain.py")
    assert RunConfiguration.load("src", "plain.runconfig").script == "plain.py"
    write(source, "script: inside.py")
    assert RunConfiguration.load("src", "x").script == "inside.py"
    with pytest.raises(NotFoundError, match=r"Did you mean 'x'\?"):
        RunConfiguration.load("src", "xx")


def test_a_folder_of_azure_ml_that_does_not_count_is_told(tmp_path: Path) -> None:
    for folder in ("aml_config", ".azureml"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".azureml" / "gpu.runconfig").touch()
    with pytest.raises(NotFoundError, match=r"It is in '\.azureml', which is not read where there is an 'aml_config'"):
        RunConfiguration.load(tmp_path, "gpu")


def test_a_missing_one_names_those_that_are_there(tmp_path: Path) -> None:
    write(tmp_path, "", "cpu")
    (tmp_path / "aml_config").mkdir()
    (tmp_path / "aml_config" / "gpu.runconfig").write_text("")
    with pytest.raises(NotFoundError) as caught:
        RunConfiguration.load(tmp_path, "gpuu")
    assert "no run configuration 'gpuu'. Did you mean 'gpu'?" in caught.value.what
    assert caught.value.fix == "There is: cpu, gpu."
    for name in ("", "..", "a\0b", "x" * 5000):
        with pytest.raises(NotFoundError):
            RunConfiguration.load(tmp_path, name)
    with pytest.raises(NotFoundError, match="does not exist"):
        RunConfiguration.load(tmp_path / "none", "x")


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    first = RunConfiguration(script="a.py").save(tmp_path, "x")
    assert first.read_text() == "script: a.py\n"
    RunConfiguration(script="b.py").save(tmp_path, "x.runconfig")
    assert RunConfiguration.load(tmp_path, "x").script == "b.py"
    assert [path.name for path in (tmp_path / ".aml").iterdir()] == ["x.runconfig"]
    for name in ("", "../x", "a/b", ".hidden", "a\\b"):
        with pytest.raises(InvalidInputError, match="is not a name for a run configuration"):
            RunConfiguration().save(tmp_path, name)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        RunConfiguration().save(tmp_path / "none", "x")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        RunConfiguration().save(tmp_path, "x" * 300)
    assert [path.name for path in (tmp_path / ".aml").iterdir()] == ["x.runconfig"]
