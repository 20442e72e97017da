"""Whatever a run configuration holds survives files and JSON."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration import (
    CondaEnvironment,
    ContainerRegistry,
    DataReference,
    DockerEnvironment,
    ExistingEnvironment,
    PipEnvironment,
    Resources,
    RunConfiguration,
    Spark,
)

TRICKY = st.sampled_from(
    ["yes", "no", "null", "~", "1e-3", "0o7", "010", "1:30", "2020-01-01",
     "1.10", ".inf", "<<", "=", "- a", "a: b", "#", "", " ", "!x", "&a", "*a"]
)  # fmt: skip
TEXT = TRICKY | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAME = TEXT.filter(bool)
VARIABLES = st.dictionaries(
    NAME.filter(lambda name: "=" not in name), TEXT.filter(lambda t: not t.startswith("secret:"))
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PYTHONS = (
    st.builds(ExistingEnvironment, interpreter=st.none() | NAME)
    | st.builds(
        PipEnvironment, requirements=st.lists(TEXT, max_size=3), python=st.sampled_from([None, "3.10", "3", "3.11.2"])
    )
    | st.builds(
        CondaEnvironment,
        specification=st.fixed_dictionaries(
            {"dependencies": st.lists(TEXT)}, optional={"variables": JSON, "name": JSON}
        ),
    )
    | st.builds(CondaEnvironment, file=NAME)
)
ENVIRONMENTS = PYTHONS | st.builds(
    DockerEnvironment,
    image=NAME,
    arguments=st.lists(TEXT, max_size=2),
    shm_size=st.sampled_from([None, "2g", "64"]),
    shared_volumes=st.booleans(),
    registry=st.none() | st.builds(ContainerRegistry, address=st.none() | TEXT),
    python=PYTHONS,
)
CONFIGURATIONS = st.builds(
    RunConfiguration,
    script=st.none() | NAME,
    arguments=st.lists(TEXT | st.integers() | st.floats() | st.booleans(), max_size=4),
    target=NAME,
    environment=ENVIRONMENTS,
    environment_variables=VARIABLES,
    resources=st.builds(
        Resources,
        cpu=st.none() | st.floats(0.01, 100),
        memory=st.sampled_from([None, "4Gi", "512"]),
        gpu=st.none() | st.integers(0, 8),
        extended=st.dictionaries(NAME, TEXT | st.integers() | st.booleans(), max_size=2),
    ),
    data=st.dictionaries(
        TEXT, st.builds(DataReference, datastore=NAME, path=TEXT, overwrite=st.booleans()), max_size=2
    ),
    time_limit=st.none() | st.floats(0.001, 1e6) | st.sampled_from(["2h", "PT5M"]),
    retries=st.integers(0, 9),
    node_count=st.integers(1, 9),
    spark=st.none() | st.builds(Spark, conf=st.dictionaries(NAME, TEXT, max_size=2), jars=st.lists(TEXT, max_size=2)),
    tags=st.dictionaries(NAME, TEXT, max_size=2),
    unknown=st.dictionaries(TEXT, JSON, max_size=3),
)


@given(CONFIGURATIONS)
@settings(max_examples=100, deadline=None)
def test_files_and_json_keep_everything(config: RunConfiguration) -> None:
    through_json = json.loads(json.dumps(config.to_json(), allow_nan=False))
    assert RunConfiguration.from_json(through_json) == config
    assert config.merged() == config
    assert isinstance(config.notes, list)
    with tempfile.TemporaryDirectory() as directory:
        config.save(directory, "x")
        assert RunConfiguration.load(directory, "x") == config


@given(st.dictionaries(st.sampled_from([*RunConfiguration.model_fields, "nodeCount", "x"]), JSON, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_json_is_read_or_refused_in_one_sentence(value: dict[str, object]) -> None:
    try:
        config = RunConfiguration.from_json(value)  # type: ignore[arg-type]
    except InvalidInputError as error:
        assert str(error).startswith("Run configuration: ")  # noqa: PT017  either outcome is right
    else:
        assert RunConfiguration.from_json(config.to_json()) == config


@given(st.text(max_size=200) | st.binary(max_size=200) | JSON.map(json.dumps))
@settings(max_examples=100, deadline=None)
def test_any_file_is_read_or_refused(content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory() as directory:
        for folder in (".aml", ".azureml"):
            path = Path(directory) / folder / "x.runconfig"
            path.parent.mkdir()
            path.write_bytes(data)
            with suppress(InvalidInputError):  # anything else that is raised fails the test
                RunConfiguration.load(directory, str(path))
