"""A run configuration in memory: what it takes, and how it says no."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration import (
    DataReference,
    ExistingEnvironment,
    PipEnvironment,
    Resources,
    RunConfiguration,
    Spark,
    memory_bytes,
)


def test_the_shortest_one() -> None:
    config = RunConfiguration(script="train.py", target="local")
    assert config.environment == ExistingEnvironment()
    assert config.to_json() == {
        "script": "train.py",
        "arguments": [],
        "target": "local",
        "environment": {"kind": "existing"},
        "environment_variables": {},
        "resources": {"extended": {}},
        "data": {},
        "retries": 0,
        "node_count": 1,
        "tags": {},
        "unknown": {},
    }


def test_scalars_become_text_as_in_azure_ml() -> None:
    config = RunConfiguration(
        arguments=["--alpha", 0.5, "-n", 3, True, 1e-7], tags={"a": 1}, environment_variables={"B": 2.5}
    )
    assert config.arguments == ("--alpha", "0.5", "-n", "3", "True", "1e-07")
    assert (config.tags, config.environment_variables) == ({"a": "1"}, {"B": "2.5"})
    assert Spark(conf={"spark.speculation": True}).conf == {"spark.speculation": "true"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d 2h", 93600),
        ("PT1H30M", 5400),
        ("P1D", 86400),
    ],
)
def test_durations(given: object, seconds: float) -> None:
    assert RunConfiguration(time_limit=given).time_limit == seconds


@pytest.mark.parametrize(
    "given", ["soon", "", "P", "PT", "-1h", 0, -5, "0s", float("inf"), float("nan"), True, "1e9d", [1]]
)
def test_what_is_no_duration(given: object) -> None:
    with pytest.raises(InvalidInputError, match="'time_limit' must be"):
        RunConfiguration(time_limit=given)


@pytest.mark.parametrize(("given", "size"), [("4Gi", 4 * 2**30), ("1.5G", 1_500_000_000), ("512 MiB", 2**29), ("7", 7)])
def test_sizes(given: str, size: int) -> None:
    assert Resources(memory=given).memory == given
    assert memory_bytes(given) == size


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scrpt": "x"}, "there is no key 'scrpt'. Did you mean 'script'?"),
        ({"nodeCount": 2}, "there is no key 'nodeCount'. Did you mean 'node_count'?"),
        ({"node_count": "two"}, "'node_count' must be a whole number, not 'two'."),
        ({"node_count": 0}, "'node_count' must be at least 1, not 0."),
        ({"node_count": 10**30}, "'node_count' must be"),
        ({"retries": True}, "'retries' must be a number, not true."),
        ({"script": ""}, "'script' must not be empty."),
        ({"script": "\ud800"}, "'script' must be valid Unicode text, not '\\ud800'."),
        ({"\ud800\n": 1}, "there is no key '\\ud800\\n'."),
        ({"x" * 10_000: 1}, f"there is no key '{'x' * 60}'."),
        ({"environment": {"kind": "x" * 10_000}}, f"'environment' has the unknown kind '{'x' * 60}'"),
        ({"script": 3}, "'script' must be text, not 3."),
        ({"environment": {}}, "'environment' has no 'kind': existing, pip, conda or docker."),
        (
            {"environment": {"kind": "venv"}},
            "'environment' has the unknown kind 'venv'; the kinds are 'existing', 'pip'",
        ),
        ({"environment": "pip"}, "'environment' must be a mapping, not 'pip'."),
        (
            {"environment": {"kind": "pip", "requirments": []}},
            "'environment.requirments'. Did you mean 'requirements'?",
        ),
        (
            {"environment": {"kind": "pip", "requirements": ["a", 1]}},
            "'environment.requirements[1]' must be text, not 1.",
        ),
        ({"environment": {"kind": "pip", "requirements": "a"}}, "'environment.requirements' must be a list, not 'a'."),
        ({"environment": {"kind": "pip", "python": 3.1}}, "'environment.python' must be text, not 3.1."),
        ({"environment": {"kind": "conda"}}, "'environment' of kind conda needs either 'file' or 'specification'."),
        (
            {"environment": {"kind": "docker", "image": "a", "dockerfile": "b"}},
            "'environment' of kind docker needs one of",
        ),
        (
            {"environment": {"kind": "docker", "image": "a", "python": {"kind": "docker"}}},
            "'environment.python' has the unknown",
        ),
        ({"resources": {"memory": "lots"}}, "'resources.memory' must be a size, such as 512Mi, 4Gi or 4G."),
        ({"resources": {"gpu": -1}}, "'resources.gpu' must be at least 0, not -1."),
        (
            {"data": {"a": {"mode": "copy", "datastore": "s"}}},
            "'data.a.mode' must be 'download', 'mount' or 'upload', not 'copy'.",
        ),
        ({"data": {"a": {}}}, "'data.a.datastore' is missing."),
        (
            {"arguments": ["a", None]},
            "'arguments' has nothing as argument 2, where only text, numbers and booleans can be.",
        ),
        ({"arguments": "a 'b"}, "'arguments' has a quote that is not closed; write arguments as a list."),
        ({"arguments": ["a\0"]}, "'arguments' has the character NUL in argument 1."),
        (
            {"environment_variables": {"A": "secret://vault"}},
            "refers to a secret in 'A', but not as secret://STORE/NAME.",
        ),
        ({"environment_variables": {"A=B": "x"}}, "has 'A=B', which is not the name of an environment variable."),
        ({"tags": ["a"]}, "'tags' must be a mapping of names to values."),
        ({"spark": {"executor_cores": 0}}, "'spark.executor_cores' must be at least 1, not 0."),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(values: dict[str, Any], message: str) -> None:
    for make in (lambda: RunConfiguration(**values), lambda: RunConfiguration.from_json(values)):
        with pytest.raises(InvalidInputError) as caught:
            make()
        assert message in caught.value.what
        assert "\n" not in str(caught.value)
        assert "pydantic" not in str(caught.value)
        assert caught.value.fix


def test_a_secret_never_stands_in_an_error() -> None:
    environment = {"kind": "docker", "image": "i", "registry": {"password": "hunter2"}}
    for values in ({"environment": environment}, {"environment_variables": {"A": ["hunter2"]}}):
        with pytest.raises(InvalidInputError) as caught:
            RunConfiguration(**values)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_secret_stays_a_reference() -> None:
    config = RunConfiguration(environment_variables={"TOKEN": "secret://env/TOKEN"})
    assert RunConfiguration.from_json(config.to_json()).environment_variables == {"TOKEN": "secret://env/TOKEN"}


def test_merging_replaces_values_and_adds_names() -> None:
    base = RunConfiguration(
        script="a.py", arguments=["--x"], environment_variables={"A": "1", "B": "1"}, tags={"t": "1"}, node_count=2
    )
    merged = base.merged(
        script=None,
        arguments=["--y", 1],
        target="gpu",
        environment=PipEnvironment(requirements=["numpy"]),
        environment_variables={"B": "2", "C": 3},
        data={"d": DataReference(datastore="s")},
    )
    assert (merged.script, merged.arguments, merged.target, merged.node_count) == ("a.py", ("--y", "1"), "gpu", 2)
    assert merged.environment == PipEnvironment(requirements=("numpy",))
    assert merged.environment_variables == {"A": "1", "B": "2", "C": "3"}
    assert (merged.tags, set(merged.data)) == ({"t": "1"}, {"d"})
    assert base.target == "local"
    with pytest.raises(InvalidInputError, match="Did you mean 'target'"):
        base.merged(targt="x")


def test_it_does_not_change_in_place() -> None:
    config = RunConfiguration()
    with pytest.raises(InvalidInputError, match="'target' of a RunConfiguration cannot be changed"):
        config.target = "gpu"
    assert config.target == "local"


def test_importing_it_brings_nothing_heavy() -> None:
    heavy = "('mlflow', 'yaml', 'sqlalchemy')"
    code = f"import sys, aml_plugins.runs.configuration; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
