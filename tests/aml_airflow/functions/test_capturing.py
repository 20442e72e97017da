"""A function's source travels with what it uses of its file, and nothing else."""

from __future__ import annotations

import collections.abc as abstract
import json
import os.path
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aml_airflow.functions.capturing import CapturingError, capture
from aml_airflow.functions.staging import Call, staged
from aml_airflow.functions.values import LARGEST_VALUE

FACTOR = 3
TABLE = {"a": [1, 2.5, None], "b": (True, "text")}
LOCK = threading.Lock()


def called(function: Any, *arguments: Any, serializer: str = "json", python: str = sys.executable, **named: Any) -> Any:
    """Run the function as a target does: in a process that has nothing of this file."""
    call = Call(function=function, positional=arguments, named=named, serializer=serializer)
    with staged(call) as (directory, given):
        done = subprocess.run(
            [python, "-E", "-s", directory / "aml_task_main.py", *given],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        (result,) = (directory / "outputs" / "aml_task").iterdir()
        return json.loads(result.read_text()) if result.suffix == ".json" else result.read_bytes()


def helper(value: float) -> float:
    return value * FACTOR


@dataclass
class Point:
    x: float

    def scaled(self) -> float:
        return helper(self.x)


def uses_all(values: list[float], *, start: float = 0) -> dict[str, Any]:
    """Use what it finds."""
    points = [Point(value) for value in values]
    return {
        "sum": sum(point.scaled() for point in points) + start,
        "table": TABLE["a"],
        "path": os.path.join("x", "y"),  # noqa: PTH118  a name of a module in a module
        "is_mapping": isinstance({}, abstract.Mapping),
    }


def test_a_function_takes_along_what_it_uses():
    found = called(uses_all, [1, 2], start=1)
    assert found == {"sum": 10, "table": [1, 2.5, None], "path": "x/y", "is_mapping": True}


def test_nothing_else_travels():
    text = capture(helper)
    assert "FACTOR = 3" in text
    assert "Point" not in text
    assert "pytest" not in text


def even(number: int) -> bool:
    return number == 0 or odd(number - 1)


def odd(number: int) -> bool:
    return number != 0 and even(number - 1)


def test_functions_may_call_each_other():
    assert called(even, 10) is True


tripled = helper


def uses_another_name(value: float) -> float:
    return tripled(value)


def test_a_function_under_another_name_travels():
    assert called(uses_another_name, 2) == 6


def test_what_encloses_a_function_travels():
    threshold = {"low": 1}

    def decide(value: int) -> bool:
        return value > threshold["low"]

    assert called(decide, 2) is True


def test_annotations_need_nothing_on_the_target():
    assert called(annotated, 1) == 1


def annotated(value: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return value


def reads() -> str:
    return str(LOCK.locked())


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (reads, "uses 'LOCK', a lock, which cannot travel"),
        (lambda: 1, "written with 'def'"),
        (print, "written with 'def'"),
        (Point, "written with 'def'"),
    ],
)
def test_what_cannot_travel_is_named(function, sentence):
    with pytest.raises(CapturingError, match=sentence):
        capture(function)


async def waits() -> None:
    """Wait."""


def test_an_async_function_is_refused():
    with pytest.raises(CapturingError, match="async"):
        capture(waits)


def gives_back(value: Any) -> Any:
    return value


@pytest.mark.parametrize("value", [None, 1, "grüße", [1, [2.5, {"a": None}]], {"key": [True]}])
def test_plain_values_travel_as_json(value):
    assert called(gives_back, value) == value


@pytest.mark.parametrize("value", [(1, 2), {1: "a"}, {1, 2}, b"bytes", float("nan")])
def test_what_json_would_change_is_refused_unless_asked_for(value):
    with pytest.raises(CapturingError, match="JSON cannot carry the arguments"):
        called(gives_back, value)
    assert isinstance(called(gives_back, value, serializer="cloudpickle"), bytes)


def makes(kind: str) -> Any:
    return {"set": {1}, "tuple": (1, 2), "long": "x" * (1 << 21)}[kind]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("set", "returned a set"), ("tuple", "returned a tuple"), ("long", "at most 1048576 travel")],
)
def test_a_result_that_cannot_travel_fails_on_the_target_with_a_sentence(kind, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        called(makes, kind)


def test_arguments_are_bounded():
    with pytest.raises(CapturingError, match="Put the data into a datastore"):
        called(gives_back, "x" * LARGEST_VALUE)


def test_files_beside_travel_and_stay_as_they_are(tmp_path: Path):
    (tmp_path / "own.py").write_text("VALUE = 7\n")
    call = Call(function=imports_own, positional=(), named={}, serializer="json", beside=str(tmp_path))
    with staged(call) as (directory, given):
        subprocess.run([sys.executable, directory / "aml_task_main.py", *given], cwd=directory, check=True)
        assert json.loads((directory / "outputs" / "aml_task" / "result.json").read_text()) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.py"]


def imports_own() -> int:
    import own  # type: ignore[import-not-found]

    return int(own.VALUE)


def test_a_name_of_the_tasks_own_is_refused(tmp_path: Path):
    mine = tmp_path / "aml_task_function.py"
    mine.write_text("mine")
    call = Call(function=imports_own, positional=(), named={}, serializer="json", beside=str(tmp_path))
    with pytest.raises(CapturingError, match=r"aml_task_function\.py"), staged(call):
        pass
    assert mine.read_text() == "mine"
