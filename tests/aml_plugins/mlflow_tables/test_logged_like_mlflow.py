"""What is logged to a run without MLflow is stored as MLflow's own store would store it."""

from __future__ import annotations

import math
import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH, _validate_metric, _validate_tag

from aml_plugins.context import open_run_history
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.mlflow_store.history import SqlRunHistory
from aml_plugins.mlflow_tables.logged import is_plain_metric, is_plain_tag
from aml_plugins.runs.history import Metric as Point


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> str:
    return f"aml+sqlite:///{shutil.copy(migrated_database, tmp_path_factory.mktemp('database') / 'aml.db')}"


@pytest.fixture
def history(store_uri: str) -> SqlRunHistory:
    opened = open_run_history(store_uri, "default")
    assert isinstance(opened, SqlRunHistory)
    return opened


def new_run(history: SqlRunHistory) -> str:
    run_id = uuid.uuid4().hex
    history.create_run(run_id, history.ensure_experiment("iris"), name=None, tags={})
    return run_id


@pytest.mark.parametrize(
    "batches",
    [
        [[("loss", 2.0, 5, 1), ("loss", 3.0, 5, 1), ("loss", 1, 4, 2), ("a/b", -0.0, 0, -1)]],
        [[("loss", 1.0, 9, 3)], [("loss", 7.0, 9, 2)], [("loss", 1.0, 9, 3), ("loss", 0.5, 9, 3)]],
        [[("loss", float(at % 7), at, at // 2) for at in range(900)]],
        [[]],
    ],
    ids=["in-any-order", "again", "many", "none"],
)
def test_what_is_logged_is_stored_as_mlflow_stores_it(history: SqlRunHistory, store_uri: str, batches) -> None:
    other = open_run_history(store_uri, "default")
    assert isinstance(other, SqlRunHistory)
    tracking, _ = other.open_mlflow()
    ours, theirs = new_run(history), new_run(history)
    for number, batch in enumerate(batches):
        tags = {"number": str(number), "same": "x" * MAX_TAG_VAL_LENGTH}
        history.log(ours, metrics=[Point(*point) for point in batch], tags=tags)
        tracking.log_batch(theirs, [Metric(*point) for point in batch], [], [RunTag(*tag) for tag in tags.items()])
    assert history._stores is None  # MLflow was not asked
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        for table in ("metrics", "latest_metrics", "tags"):
            columns = "key, value" if table == "tags" else "key, value, timestamp, step, is_nan"
            rows = f"SELECT {columns} FROM {table} WHERE run_uuid = ? AND key <> 'mlflow.runName'"
            found = [sorted(connection.execute(rows, (run_id,)).fetchall()) for run_id in (ours, theirs)]
            assert found[0] == found[1], table


def test_what_cannot_be_logged_is_refused_in_mlflows_words(history: SqlRunHistory) -> None:
    gone = new_run(history)
    history.open_mlflow()[0].delete_run(gone)
    for run_id in (gone, uuid.uuid4().hex):
        with pytest.raises((InvalidInputError, NotFoundError)):
            history.log(run_id, metrics=[Point("loss", 1.0, 1, 0)])
    run_id = new_run(history)
    history.log(run_id, metrics=[Point("loss", math.nan, 1, 0)], tags={"mlflow.runName": "renamed"})
    assert (history.get(run_id).name, str(history.get(run_id).metrics)) == ("renamed", "{'loss': nan}")
    with pytest.raises(InvalidInputError):
        history.log(run_id, metrics=[Point("../loss", 1.0, 1, 0)])


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a b.c-d_e",
        "a/b c",
        "",
        " ",
        ".",
        "..",
        ".a",
        "a:b",
        "ä",
        "a//b",
        "a/",
        "a/..",
        "/a",
        "x" * 251,
        "a\n",
        "o'x",
    ],
)
def test_mlflow_takes_what_is_plain(name: str) -> None:
    for check, plain in (
        (lambda: _validate_metric(name, 1.0, 1, 0), is_plain_metric(Point(name, 1.0, 1, 0))),
        (lambda: _validate_tag(name, "v"), is_plain_tag(name, "v")),
    ):
        try:
            check()
        except MlflowException:
            assert not plain


def test_what_needs_mlflows_judgement_is_not_plain() -> None:
    assert is_plain_metric(Point("a", 2**53, 0, -1))
    odd = [(True, 0, 0), (math.inf, 0, 0), (2**53 + 1, 0, 0), (1.0, -1, 0), (1.0, 2**63, 0), (1.0, 0, 0.5), ("1", 0, 0)]
    assert not any(is_plain_metric(Point("a", *numbers)) for numbers in odd)  # type: ignore[arg-type]
    assert is_plain_tag("a", "v")
    assert not is_plain_tag("mlflow.runName", "v")
    assert not is_plain_tag("a", "v" * (MAX_TAG_VAL_LENGTH + 1))
