"""Virtual environments, really built, from wheels in the source directory."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from services.wheels import write_wheel


def offline(*requirements: str, **more: str) -> dict[str, Any]:
    return {"kind": "pip", "requirements": ["--no-index", "--find-links wheels", *requirements], **more}


def test_it_has_what_was_required_and_is_built_once(any_builder: Any) -> None:
    write_wheel(any_builder.source / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    write_wheel(any_builder.source / "wheels", "tiny", "2.0", "ANSWER = 2\n")
    made = any_builder.prepare(offline("tiny<2"))
    assert any_builder.python(made, "import tiny, sys; print(tiny.ANSWER, sys.prefix)") == (
        f"1 {any_builder.cache / made['key']}"
    )
    assert "Building the environment" in made["log"]
    assert "tiny" in made["log"]  # the tool's own output
    again = any_builder.prepare(offline("tiny<2"))
    assert (again["python"], again["log"]) == (made["python"], "")
    assert [path.name for path in any_builder.source.iterdir()] == ["wheels"]


def test_without_requirements_it_is_an_empty_environment(any_builder: Any) -> None:
    made = any_builder.prepare({"kind": "pip", "requirements": []})
    assert any_builder.python(made, "import sys; print(sys.prefix != sys.base_prefix)") == "True"


def test_what_cannot_be_installed_is_told_in_the_tool_s_words(any_builder: Any) -> None:
    write_wheel(any_builder.source / "wheels", "tiny", "1.0", "")
    failed = any_builder.prepare(offline("no-such-package"))
    assert failed["type"] == "BuildError"
    first, *lines = failed["error"].splitlines()
    assert first.endswith("ended with exit code 1. Its last lines:")
    assert 1 <= len(lines) <= 10
    assert "no-such-package" in failed["error"]
    assert all(line in failed["log"] for line in lines)
    assert [path.suffix for path in any_builder.cache.iterdir()] == [".lock"]  # nothing half-done


def test_passwords_are_not_repeated(any_builder: Any) -> None:
    line = "--index-url http://user:hunter2@127.0.0.1:9/simple"
    failed = any_builder.prepare(
        {"kind": "pip", "requirements": [line, "no-such-package"]}, PIP_RETRIES="0", UV_HTTP_RETRIES="0"
    )
    assert "error" in failed
    assert "127.0.0.1" in failed["log"]
    assert "hunter2" not in json.dumps(failed)


def test_modules_of_the_source_directory_do_not_get_in_the_way(any_builder: Any) -> None:
    for name in ("random", "json", "venv", "pip", "zipfile"):
        (any_builder.source / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    write_wheel(any_builder.source / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    preparer = any_builder.start(offline("tiny"), PYTHONSAFEPATH="1")
    assert "error" not in any_builder.ended(preparer)


@pytest.mark.parametrize("wanted", ["3", "{}.{}".format(*sys.version_info), "{}.{}.{}".format(*sys.version_info)])
def test_this_python_is_taken_where_it_fits(preparing: Any, wanted: str) -> None:
    made = preparing.prepare({"kind": "pip", "requirements": [], "python": wanted})
    assert preparing.python(made, "import sys; print(sys.version)") == sys.version


def test_a_python_that_is_not_there_is_named_with_those_that_are(preparing: Any) -> None:
    failed = preparing.prepare({"kind": "pip", "requirements": [], "python": "3.99"})
    assert failed["error"].startswith("Python 3.99 is not on the compute target; found: ")
    assert "{}.{}.{}".format(*sys.version_info) in failed["error"]


def test_another_python_than_the_runner_s(preparing: Any) -> None:
    wanted = f"3.{sys.version_info[1] + 1}"
    made = preparing.prepare({"kind": "pip", "requirements": [], "python": wanted})
    if "error" in made:
        pytest.skip(made["error"])
    assert preparing.python(made, "import sys; print('%d.%d' % sys.version_info[:2])") == wanted


def test_containers_are_refused(preparing: Any) -> None:
    failed = preparing.prepare({"kind": "docker", "image": "anything"})
    assert "without containers" in failed["error"]
