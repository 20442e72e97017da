"""Spark Connect: the script is a client of a server elsewhere, which stops working for it when the run is over."""

from __future__ import annotations

import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services.spark_connect import SparkConnectServer

from aml_backends.spark.address import for_job, parameters
from aml_backends.spark.backend import SparkBackend
from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.compute import ComputeTarget, JobHandle, JobState
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import (
    BackendError,
    InvalidInputError,
    MissingExtraError,
    NotYetDoneError,
    TransientBackendError,
)
from aml_plugins.testing.jobs import clean_up, make_job, wait_until, wait_until_ended

pytestmark = pytest.mark.xdist_group("spark-connect")  # one server, for all
MakeBackend = Callable[..., SparkBackend]
KEY = "aml-0123456789abcdef0123456789abcdef-1"
NOBODY = "sc://127.0.0.1:9"
COUNTING = """
import os, pathlib
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
spark = SparkSession.builder.getOrCreate()
rows = spark.range(1000).filter("id % 2 = 0").select(udf(lambda n: n + 1, "long")("id").alias("n"))
pathlib.Path("outputs/rows.txt").write_text(str(rows.count()))
print("session", spark.session_id, "through", type(spark).__module__)
"""
FOR_EVER = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(10**15).selectExpr("sum(id % 7)").collect())
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBackend]:  # whose variables outlive it
    made: list[SparkBackend] = []

    def make_backend(**settings: object) -> SparkBackend:
        config = validate_config(SparkBackend, "spark", {"spark_home": "/nowhere", **settings})
        target = ComputeTarget(workspace="default", name="here", type="spark", config=config, home=tmp_path / "home")
        made.append(SparkBackend(target))
        return made[-1]

    yield make_backend
    for backend in made:
        for handle in list(backend.list_jobs()):
            clean_up(backend, handle)


@pytest.fixture
def key() -> str:
    """A server lets nobody into a session that was released."""
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def backend(make: MakeBackend, spark_connect: SparkConnectServer, monkeypatch: pytest.MonkeyPatch) -> SparkBackend:
    monkeypatch.setenv("SPARK_TOKEN", spark_connect.token)
    return make(remote=spark_connect.address, token="secret://env/SPARK_TOKEN", python=str(spark_connect.python))


def test_the_script_is_a_client_with_a_session_of_its_own(backend: SparkBackend, key: str, tmp_path: Path) -> None:
    handle = backend.submit(make_job(tmp_path, key, COUNTING), key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, log_of(backend, handle, tmp_path)
    session = parameters(for_job("sc://any", key))["session_id"]
    assert f"session {session} through pyspark.sql.connect.session" in log_of(backend, handle, tmp_path)
    assert (tmp_path / "results" / "outputs" / "rows.txt").read_text() == "500"


@pytest.mark.parametrize("how", ["canceled", "killed"])
def test_what_the_server_still_works_on_ends_with_the_run(
    backend: SparkBackend, spark_connect: SparkConnectServer, key: str, tmp_path: Path, how: str
) -> None:
    handle = backend.submit(make_job(tmp_path, key, FOR_EVER), key)
    wait_until(lambda: spark_connect.running() == 1 or backend.status(handle).state.is_terminal)
    assert spark_connect.running() == 1, log_of(backend, handle, tmp_path)
    if how == "canceled":
        backend.cancel(handle)
    else:
        backend._directory(handle).signal_runner(signal.SIGKILL)
    ended = wait_until_ended(backend, handle)
    assert ended.state is (JobState.CANCELLED if how == "canceled" else JobState.FAILED)
    assert spark_connect.running() == 1  # nobody told it so far: a lost client may come back
    clean_up(backend, handle)
    wait_until(lambda: spark_connect.running() == 0)
    assert backend.find(key) is None


def test_the_server_is_asked_whether_it_answers(backend: SparkBackend, make: MakeBackend) -> None:
    assert backend.check().startswith("sc://localhost:")
    with pytest.raises(BackendError, match="refuses access") as caught:
        make(remote=backend._spark.remote).check()
    assert "token" in caught.value.fix
    with pytest.raises(TransientBackendError, match=r"sc://127\.0\.0\.1:9 cannot be reached"):
        make(remote=NOBODY).check()


@pytest.mark.usefixtures("aml_home")
def test_a_token_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_TOKEN", "open sesame")
    monkeypatch.setattr("aml_backends.spark.session.REACHING_SECONDS", 0.0)
    source = tmp_path / "src"
    source.mkdir()
    (source / "show.py").write_text("import os; print(os.environ['SPARK_REMOTE'])")
    workspace = Workspace.create("team-a")
    workspace.attach_compute("spark", "far", remote=NOBODY, token="secret://env/SPARK_TOKEN")
    run = Experiment(workspace, "x").submit(ScriptRunConfig(source, script="show.py", compute_target="far"))
    run.wait_for_completion()
    log = run.download_file("logs/std_log.txt", tmp_path).read_text()
    assert "session_id=" in log
    assert "token=" + len("open%20sesame") * "*" in log


def test_a_run_names_a_server(make: MakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_TOKEN", "open-sesame")
    monkeypatch.setattr("aml_backends.spark.session.REACHING_SECONDS", 0.0)
    script = "import os; print(os.environ['SPARK_REMOTE'])"
    spec = replace(make_job(tmp_path, KEY, script), spark={"remote": f"{NOBODY}/;user_id=eve"})
    for backend in (make(), make(remote="sc://spark.example.com", token="secret://env/SPARK_TOKEN")):
        wanted = f"{NOBODY}/;user_id=eve;session_id={parameters(for_job('sc://any', KEY))['session_id']}"
        assert backend.plan(spec, KEY).request["remote"] == wanted
        handle = backend.submit(spec, KEY)
        wait_until_ended(backend, handle)
        assert log_of(backend, handle, tmp_path).strip() == wanted  # a stranger's server does not get the token
        clean_up(backend, handle)


def test_a_server_that_is_away_is_tried_again_and_then_left(
    make: MakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make(remote=NOBODY)
    handle = backend.submit(make_job(tmp_path, KEY, ""), KEY)
    wait_until_ended(backend, handle)
    monkeypatch.setattr("aml_backends.spark.session.REACHING_SECONDS", 3600.0)
    with pytest.raises(NotYetDoneError, match="cannot be reached"):
        backend.cleanup(handle)
    monkeypatch.setattr("aml_backends.spark.session.REACHING_SECONDS", 0.0)
    backend.cleanup(handle)
    assert backend.find(KEY) is None


@pytest.mark.parametrize(
    ("spark", "sentence"),
    [
        ({"remote": NOBODY, "executor_memory": "4g"}, r"heeds no spark\.executor_memory"),
        ({"remote": NOBODY, "conf": {"spark.x": "1"}}, r"heeds no spark\.conf"),
        ({"remote": NOBODY, "py_files": ["a.py"]}, r"heeds no spark\.py_files"),
        ({"remote": f"{NOBODY}/;token=hunter2"}, "must not hold a token"),
        ({"remote": f"{NOBODY}/;session_id=1"}, "must not hold a session_id"),
        ({"remote": "sc://x:port"}, "with a number as the port"),
        ({"remote": "spark.example.com"}, "must be such as sc://HOST:PORT"),
    ],
)
def test_what_a_client_cannot_ask_for(
    make: MakeBackend, tmp_path: Path, spark: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        make().plan(replace(make_job(tmp_path, KEY, ""), spark=spark), KEY)
    assert "hunter2" not in str(caught.value)


def test_only_the_target_says_where_scripts_connect(make: MakeBackend, tmp_path: Path) -> None:
    spec = make_job(tmp_path, KEY, "", environment_variables={"SPARK_REMOTE": NOBODY})
    with pytest.raises(InvalidInputError, match="sets SPARK_REMOTE itself"):
        make(remote=NOBODY).plan(spec, KEY)


def test_without_grpc_nothing_is_submitted(make: MakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(MissingExtraError, match="Spark Connect"):
        make(remote=NOBODY).submit(make_job(tmp_path, KEY, ""), KEY)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"remote": "spark.example.com"}, "remote"),
        ({"remote": "sc://x:1/;token=hunter2"}, "must not hold a token"),
        ({"remote": "sc://x:1", "token": "hunter2"}, "must be a reference"),
        ({"token": "secret://env/X"}, "a token is for a remote"),
        ({"remote": "sc://x:1", "master": "local"}, "a master or a remote, not both"),
        ({"remote": "sc://x:1", "conf": {"a": "b"}}, "has no conf"),
    ],
)
def test_wrong_settings(make: MakeBackend, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        make(**settings)
    assert "hunter2" not in f"{caught.value} {caught.value.fix}"


def log_of(backend: SparkBackend, handle: JobHandle, tmp_path: Path) -> str:
    results = tmp_path / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    backend.fetch(handle, results)
    return (results / "logs" / "std_log.txt").read_text()
