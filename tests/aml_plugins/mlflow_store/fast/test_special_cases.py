"""What generated histories meet too rarely, each named."""

from __future__ import annotations

from typing import Any

import pytest
from fast_store_pair import FastStore, Pair, described, new_run, outcome, rows_of
from mlflow.entities import LoggedModelStatus, Metric, Param, RunTag, ViewType
from mlflow.store.tracking.dbmodels.models import SqlExperiment
from mlflow.utils.workspace_context import WorkspaceContext

NAN = float("nan")


@pytest.mark.parametrize("values", [(NAN, 0.0), (0.0, NAN), (-0.0, 0.0), (float("inf"), 1.7976931348623157e308)])
def test_of_two_equally_recent_points_the_first_stays_the_latest(pair: Pair, values: tuple[float, float]) -> None:
    experiment = pair.experiment()
    ends = []
    for store in (pair.plain, pair.fast):
        run_id = new_run(store, experiment)
        for value in values:
            store.log_metric(run_id, Metric("m", value, 1, 1))
        ends.append((rows_of(store, run_id), described(store.get_run(run_id))))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("comparison", ["!= 0", "!= 1", "= 0", "> -1", "< 1", ">= 0", "<= 0"])
def test_nan_differs_from_every_number_and_compares_with_none(pair: Pair, comparison: str) -> None:
    experiment = pair.experiment()
    for value in (NAN, 0.0, 1.0):
        pair.fast.log_metric(new_run(pair.fast, experiment), Metric("m", value, 1, 1))
    found = [
        [run.info.run_id for run in store.search_runs([experiment], f"metrics.m {comparison}", ViewType.ALL, 9)]
        for store in (pair.plain, pair.fast)
    ]
    assert found[0] == found[1]
    assert bool(found[1])


def test_metrics_of_a_logged_model_arrive_in_both_tables(pair: Pair) -> None:
    experiment = pair.experiment()
    ends = []
    for store in (pair.plain, pair.fast):
        run_id = new_run(store, experiment)
        model = store.create_logged_model(experiment, name="model", source_run_id=run_id)
        points = [
            Metric("m", value, 1, 1, model_id=model.model_id, dataset_name="d", dataset_digest="g", run_id=run_id)
            for value in (1.0, 2.0)
        ]
        steps = [outcome(lambda p=p, s=store, r=run_id: s.log_metric(r, p))[:2] for p in points]
        more = [Metric("n", 3.0, 1, 1, model_id=model.model_id), Metric("n", 3.0, 1, 1), Metric("o", NAN, 1, 1)]
        steps += [outcome(lambda m=more, s=store, r=run_id: s.log_batch(r, m, [], []))[:2] for _ in range(2)]
        store.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        kept = {(m.key, m.value, m.step, m.dataset_name) for m in store.get_logged_model(model.model_id).metrics or []}
        rows = {
            table: [row.replace(model.model_id, "MODEL") for row in rows]
            for table, rows in rows_of(store, run_id).items()
        }
        ends.append((steps, kept, rows))
    assert ends[0] == ends[1]
    assert ends[1][1] >= {("n", 3.0, 1, None)}


def test_a_metric_of_an_unknown_model_is_refused_alike(pair: Pair) -> None:
    experiment = pair.experiment()
    ends = []
    for store in (pair.plain, pair.fast):
        run_id = new_run(store, experiment)
        batch = [Metric("m", 1.0, 1, 1, model_id="m-unknown")]
        code = outcome(lambda s=store, r=run_id, b=batch: s.log_batch(r, b, [Param("p", "1")], [RunTag("t", "1")]))[:2]
        ends.append((code, rows_of(store, run_id)))
    assert ends[0] == ends[1]
    assert ends[1][0][0] == "MlflowException"


_ORDINARY = [Metric(f"k{n % 3}", n / 7, n % 5, n % 4) for n in range(40)]
_ODD: dict[str, list[Metric]] = {
    "ordinary": _ORDINARY,
    "some twice, the newest first": [*reversed(_ORDINARY), *_ORDINARY[:10]],
    "zeros of either sign": [*_ORDINARY, Metric("k0", 0.0, 9, 9), Metric("k0", -0.0, 9, 9), Metric("k1", -0.0, 9, 9)],
    "NaN between": [*_ORDINARY, Metric("k0", NAN, 9, 9), Metric("k0", 0.0, 9, 9), Metric("k1", float("inf"), 9, 9)],
    "a number that is whole": [*_ORDINARY, Metric("k0", 3, 9, 9)],
    "a truth": [*_ORDINARY, Metric("k0", True, 9, 9)],
    "a key that is none": [*_ORDINARY, Metric("k?!", 1.0, 9, 9), Metric("", 1.0, 9, 9)],
    "a time before all time": [*_ORDINARY, Metric("k0", 1.0, -1, 9)],
    "a step beyond 64 bits": [*_ORDINARY, Metric("k0", 1.0, 9, 2**63)],
    "a step that is text": [*_ORDINARY, Metric("k0", 1.0, 9, "9")],
    "a value that is text": [*_ORDINARY, Metric("k0", "1.0", 9, 9)],
}


@pytest.mark.parametrize("batch", _ODD.values(), ids=list(_ODD))
def test_a_large_batch_is_written_or_refused_alike(pair: Pair, batch: list[Metric]) -> None:
    experiment = pair.experiment()
    ends = []
    for store in (pair.plain, pair.fast):
        run_id = new_run(store, experiment)
        said = [outcome(lambda s=store, r=run_id: s.log_batch(r, batch, [], []), run_id) for _ in range(2)]
        ends.append((said, rows_of(store, run_id), described(store.get_run(run_id))))
    assert ends[0] == ends[1]


CREATIONS: list[dict[str, Any]] = [
    {},
    {"run_name": None, "tags": [RunTag("mlflow.runName", "tagged")]},
    {"run_name": "n", "tags": [RunTag("mlflow.runName", "other")]},
    {"run_name": "n", "tags": [RunTag("mlflow.runName", "")]},
    {"tags": None},
    {"tags": [RunTag("a", "1"), RunTag("a", "2")]},
    {"tags": [RunTag("a", None)]},
    {"tags": [RunTag("a", "x" * 9000)]},
    {"run_name": "x" * 300},
    {"user_id": None},
    {"start_time": None},
    {"start_time": 2**70},
    {"experiment_id": "987654"},
    {"experiment_id": "word"},
    {"experiment_id": "DELETED"},
    {"experiment_id": "NOWHERE"},
]


@pytest.mark.parametrize("changes", CREATIONS, ids=lambda changes: str(changes)[:40])
def test_runs_are_created_or_refused_alike(pair: Pair, changes: dict[str, Any]) -> None:
    experiment = pair.experiment()
    request = {
        "experiment_id": experiment,
        "user_id": "u",
        "start_time": 5,
        "tags": [RunTag("a", "1")],
        "run_name": "n",
    }
    request |= changes
    if request["experiment_id"] == "DELETED":
        pair.plain.delete_experiment(experiment)
        request["experiment_id"] = experiment
    if request["experiment_id"] == "NOWHERE":  # the table allows it
        with pair.plain.ManagedSessionMaker(read_only=False) as session:
            session.get(SqlExperiment, int(experiment)).artifact_location = None
        request["experiment_id"] = experiment
    ends: list[object] = []
    for store in (pair.plain, pair.fast):
        created: list[Any] = []
        end = outcome(lambda s=store, c=created: c.append(s.create_run(**request)))
        # A database's own refusal quotes the generated run id.
        ends.append(end[:2] if "[SQL" in end[-1] or "identity key" in end[-1] else end)
        for run in created:
            read = store.get_run(run.info.run_id)
            assert run.info.artifact_uri == read.info.artifact_uri
            assert run.info.artifact_uri.endswith(f"/{read.info.experiment_id}/{run.info.run_id}/artifacts")
            ends[-1] = (ends[-1], described(run), described(read), run.info.experiment_id, run.outputs, read.inputs)
    assert ends[0] == ends[1]


def test_a_workspace_sees_its_own_runs_only(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    with WorkspaceContext("default"):
        experiment = pair.experiment()
        run_id = new_run(pair.fast, experiment)
        pair.fast.log_metric(run_id, Metric("m", 1.0, 1, 1))
    acts = [
        lambda store: store.log_metric(run_id, Metric("m", 2.0, 1, 1)),
        lambda store: store.log_batch(run_id, [Metric("m", 2.0, 1, 1)], [Param("p", "1")], [RunTag("t", "1")]),
        lambda store: store.get_metric_history(run_id, "m"),
        lambda store: store.create_run(experiment, "u", 1, [], "n"),
    ]
    with WorkspaceContext("team-b"):
        for act in acts:
            ends = [outcome(lambda a=act, s=store: a(s), run_id) for store in (pair.plain, pair.fast)]
            assert ends[0] == ends[1]
            assert ends[1][1] == "RESOURCE_DOES_NOT_EXIST"
        assert list(pair.fast.search_runs([experiment], "", ViewType.ALL, 5)) == []
        assert pair.fast.get_metric_history_bulk([run_id], "m", 5) == []
    with WorkspaceContext("default"):
        assert pair.fast.get_run(run_id).data.metrics == {"m": 1.0}
    ends = [outcome(lambda s=store: s.log_metric(run_id, Metric("m", 2.0, 1, 1))) for store in (pair.plain, pair.fast)]
    assert ends[0] == ends[1] != ("done",)  # workspaces are on, and none is active


def test_another_database_is_left_to_the_store_below(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = _statements_of_a_batch(pair.fast, pair.experiment())
    monkeypatch.setattr(pair.fast, "db_type", "mysql")
    below = _statements_of_a_batch(pair.fast, pair.experiment())
    assert any("ON CONFLICT" in statement for statement in statements)
    assert not any("ON CONFLICT" in statement for statement in below)


def _statements_of_a_batch(store: FastStore, experiment: str) -> list[str]:
    import sqlalchemy as sa

    run_id = new_run(store, experiment)
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        store.log_batch(run_id, [Metric("m", 1.0, n, n) for n in range(50)], [], [])
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)
    assert len(store.get_metric_history(run_id, "m")) == 50
    return seen
