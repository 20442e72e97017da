"""Conda environments, really solved and installed by py-rattler from a channel in a directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from services.conda_channel import CondaChannel
from services.wheels import write_wheel


def specification(channel: CondaChannel, *dependencies: Any, **more: Any) -> dict[str, Any]:
    channels = [channel.address, "nodefaults"]
    return {"kind": "conda", "specification": {"channels": channels, "dependencies": list(dependencies), **more}}


def test_it_has_its_own_python_and_what_was_pinned(conda: Any, channel: CondaChannel) -> None:
    asked = specification(channel, "python", "mylib=3.1", "greet=1.0")
    made = conda.prepare(asked)
    prefix = conda.cache / made["key"]
    assert conda.python(made, "import mylib, sys; print(mylib.ANSWER, sys.prefix)") == f"42 {prefix}"
    assert subprocess.check_output([prefix / "bin" / "greet"], text=True) == "greet 1.0\n"
    assert "  greet 1.0 0\n" in made["log"]
    assert conda.prepare(asked)["log"] == ""


def test_it_is_activated(conda: Any, channel: CondaChannel) -> None:
    made = conda.prepare(specification(channel, "python", "app", variables={"LEVEL": 3}))
    prefix = conda.cache / made["key"]
    assert made["variables"]["APP_HOME"] == f"{prefix}/share/app"  # by its package's script
    assert made["variables"]["LEVEL"] == "3"
    assert made["variables"]["CONDA_DEFAULT_ENV"] == str(prefix)


def test_the_pip_section_is_installed_by_its_python(conda: Any, channel: CondaChannel) -> None:
    write_wheel(conda.source / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    pip = {"pip": ["--no-index", "wheels/tiny-1.0-py3-none-any.whl"]}
    made = conda.prepare(specification(channel, "python", pip))
    assert "error" not in made, made["error"]
    program = "import tiny, sys; print(tiny.ANSWER, tiny.__file__.startswith(sys.prefix))"
    assert conda.python(made, program) == "1 True"


def test_a_conflict_is_told_in_the_solver_s_words(conda: Any, channel: CondaChannel) -> None:
    failed = conda.prepare(specification(channel, "python", "app", "greet=2.0"))
    assert failed["error"].startswith("The packages of the specification cannot be installed together:\n")
    assert "app 0.1 would require" in failed["error"]
    assert [path.suffix for path in conda.cache.iterdir()] == [".lock"]


def test_an_unknown_package_is_named(conda: Any, channel: CondaChannel) -> None:
    assert "no-such-package" in conda.prepare(specification(channel, "python", "no-such-package"))["error"]


def test_a_channel_that_is_not_there_is_named(conda: Any, tmp_path: Path) -> None:
    asked = {"kind": "conda", "specification": {"channels": [f"{tmp_path}/none"], "dependencies": ["python"]}}
    assert f"{tmp_path}/none" in conda.prepare(asked)["error"]


def test_a_channel_in_the_source_directory(conda: Any, channel: CondaChannel) -> None:
    (conda.source / "channel").symlink_to(channel.directory)
    asked = {"kind": "conda", "specification": {"channels": ["./channel"], "dependencies": ["python"]}}
    assert "error" not in conda.prepare(asked)


def test_without_python_no_script_can_run(conda: Any, channel: CondaChannel) -> None:
    assert "installs no Python" in conda.prepare(specification(channel, "greet"))["error"]


def test_the_first_channel_wins(conda: Any, channel: CondaChannel, tmp_path: Path) -> None:
    own = CondaChannel(tmp_path / "own")
    own.add("greet", "0.5", {"share/greet": b"own"})
    own.index()
    asked = specification(channel, "python", "greet")
    asked["specification"]["channels"].insert(0, own.address)
    made = conda.prepare(asked)
    assert (conda.cache / made["key"] / "share" / "greet").read_bytes() == b"own"


@pytest.mark.parametrize(
    ("name", "words"), [("micromamba", ["create"]), ("mamba", ["env", "create"]), ("conda", ["env", "create"])]
)
def test_a_command_on_the_path_is_preferred(conda: Any, tmp_path: Path, name: str, words: list[str]) -> None:
    """What they do is theirs; here, a stand-in shows how it is called, and makes the Python that they would."""
    binaries = tmp_path / "binaries"
    binaries.mkdir()
    said = tmp_path / "said"
    program = f"""#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=$2; shift 2;;
    --file) cp "$2" {said}.yml; shift 2;;
    *) echo "$1" >> {said}; shift;;
  esac
done
mkdir -p $prefix/bin && ln -s {shutil.which("python3")} $prefix/bin/python && echo linked
"""
    (binaries / name).write_text(program)
    (binaries / name).chmod(0o755)
    conda.variables["PATH"] = f"{binaries}{os.pathsep}{conda.variables['PATH']}"
    pip = {"pip": []}
    asked = {"channels": ["here"], "dependencies": ["python=3.11", pip], "name": "x"}
    made = conda.prepare({"kind": "conda", "specification": asked})
    assert made["log"].splitlines()[2] == "linked"
    assert said.read_text().split() == words
    assert json.loads(Path(f"{said}.yml").read_text()) == {"channels": ["here"], "dependencies": ["python=3.11"]}


def test_a_command_that_fails_is_quoted(conda: Any, tmp_path: Path) -> None:
    failing = tmp_path / "micromamba"
    failing.write_text("#!/bin/sh\necho critical libmamba could not; exit 3\n")
    failing.chmod(0o755)
    conda.variables["PATH"] = f"{tmp_path}{os.pathsep}{conda.variables['PATH']}"
    asked = {"kind": "conda", "specification": {"dependencies": ["python"]}}
    expected = "micromamba ended with exit code 3. Its last lines:\ncritical libmamba could not"
    assert conda.prepare(asked)["error"] == expected
