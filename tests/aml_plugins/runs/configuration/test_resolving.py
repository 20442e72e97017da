"""At submission: files named in a run configuration are read, whole, and only below the source directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration import CondaEnvironment, DockerEnvironment, PipEnvironment, RunConfiguration


def resolved(directory: Path, environment: Any) -> Any:
    config = RunConfiguration(environment=environment).resolve(directory)
    assert config.resolve(directory / "elsewhere") == config, "nothing is left to read"
    return config.environment


def test_requirements_come_as_plain_lines(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_bytes(
        b"\xef\xbb\xbf# base\r\n\r\nnumpy==2.0  # fast\r\n--index-url https://index.example.com/simple\r\n"
        b"pandas==2.2 \\\r\n    --hash=sha256:aa \\\r\n    --hash=sha256:bb\r\n"
    )
    (tmp_path / "all.txt").write_text(
        "-r requirements/base.txt\nscipy\n-rrequirements/base.txt\nx @ https://e.com/x#egg=y\n"
    )
    assert resolved(
        tmp_path, PipEnvironment(requirements_file="all.txt", requirements=["six", "# no"], python="3.11")
    ) == (
        PipEnvironment(
            requirements=[
                "numpy==2.0",
                "--index-url https://index.example.com/simple",
                "pandas==2.2      --hash=sha256:aa      --hash=sha256:bb",
                "scipy",
                "x @ https://e.com/x#egg=y",
                "six",
            ],
            python="3.11",
        )
    )


def test_requirements_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\na")
    (tmp_path / "b.txt").write_text("--requirement=a.txt\nb")
    assert resolved(tmp_path, PipEnvironment(requirements_file="a.txt")).requirements == ("b", "a")


def test_a_conda_specification_with_its_requirements(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "conda.yml").write_text(
        "dependencies:\n- python=3.11\n- pip:\n  - -r pip.txt\n  - six\nvariables: {A: b}\n"
    )
    (tmp_path / "env" / "pip.txt").write_text("numpy\n")
    assert resolved(tmp_path, CondaEnvironment(file="env/conda.yml")).specification == {
        "dependencies": ["python=3.11", {"pip": ["numpy", "six"]}],
        "variables": {"A": "b"},
    }


def test_a_dockerfile_and_the_python_inside(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "r.txt").write_text("six")
    environment = DockerEnvironment(dockerfile_file="Dockerfile", python=PipEnvironment(requirements_file="r.txt"))
    assert resolved(tmp_path, environment) == DockerEnvironment(
        dockerfile="FROM a\n", python=PipEnvironment(requirements=["six"])
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("-r ../outside.txt", "The requirements file '../outside.txt' is outside the source directory"),
        ("-r /etc/passwd", "The requirements file '/etc/passwd' is outside the source directory"),
        ("-r link.txt", "The requirements file 'link.txt' is outside the source directory"),
        ("-r none.txt", "The requirements file 'none.txt' is not a file of"),
        ("-r fifo", "The requirements file 'fifo' is not a file of"),
        ("-r .", "The requirements file '.' is not a file of"),
        ("-r latin.txt", "latin.txt, line 1: this is not UTF-8 text."),
        ("-r big.txt", "big.txt is larger than 8388608 bytes."),
        ("-c versions.txt", "has constraints, '-c versions.txt', which are not supported."),
        ("--constraint=versions.txt", "has constraints"),
        ("-e .", "r.txt names a local path, '-e .',"),
        ("./wheels/x.whl", "r.txt names a local path, './wheels/x.whl',"),
        ("x @ file:x.whl", "r.txt names a local path"),
    ],
)
def test_what_cannot_travel_is_refused(tmp_path: Path, content: str, message: str) -> None:
    directory = tmp_path / "src"
    directory.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (directory / "link.txt").symlink_to(tmp_path / "outside.txt")
    os.mkfifo(directory / "fifo")
    (directory / "latin.txt").write_bytes(b"caf\xe9")
    (directory / "big.txt").write_bytes(b"#" * 9_000_000)
    (directory / "r.txt").write_text(content)
    with pytest.raises(InvalidInputError) as caught:
        resolved(directory, PipEnvironment(requirements_file="r.txt"))
    assert message in caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dependencies: python", "The conda specification c.yml must have a list under 'dependencies'."),
        ("dependencies: [python, 3]", "must list texts under 'dependencies', and a mapping 'pip:'."),
        ("dependencies: [{npm: [a]}]", "must list texts under 'dependencies', and a mapping 'pip:'."),
        ("channels: {a: b}", "must have a list under 'channels'."),
        ("a: 1\na: 2", "c.yml, line 2: the key 'a' is there already, in line 1."),
        ("dependencies: [{pip: [-r no.txt]}]", "The requirements file 'no.txt' is not a file of"),
    ],
)
def test_a_wrong_conda_specification(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "c.yml").write_text(content)
    with pytest.raises(InvalidInputError) as caught:
        resolved(tmp_path, CondaEnvironment(file="c.yml"))
    assert message in caught.value.what
