"""What each call of a script in a run does, seen from the script and in the records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Evaluate = Callable[[str], Any]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("run.log('a', 1)", {"a": 1}),
        ("run.log('a', 1); run.log('a', 2.5)", {"a": [1, 2.5]}),
        ("run.log('a', 'text')", {"a": "text"}),
        ("run.log('a', True)", {"a": True}),
        ("run.log('a', None)", {"a": None}),
        ("run.log('a', {'no': 'number'})", {"a": "{'no': 'number'}"}),
        ("run.log('a', 10 ** 400)", {"a": "1" + "0" * 400}),
        ("run.log_list('a', [1, 2, 3])", {"a": [1, 2, 3]}),
        ("run.log_list('a', range(2))", {"a": [0, 1]}),
        ("run.log_list('a', [])", {}),
        ("run.log_list('a', [7])", {"a": 7}),
        ("run.log_row('t', x=1, y='b')", {"t": {"x": 1, "y": "b"}}),
        ("run.log_row('t', x=1); run.log_row('t', y=2)", {"t": {"x": [1, None], "y": [None, 2]}}),
        ("run.log_table('t', {'x': [1, 2], 'y': ['a', 'b']})", {"t": {"x": [1, 2], "y": ["a", "b"]}}),
        ("run.log_table('t', {'x': 1})", {"t": {"x": 1}}),
        ("run.log_table('t', {})", {}),
        ("import numpy as np; run.log('a', np.float32(0.5)); run.log('a', np.int64(3))", {"a": [0.5, 3]}),
        ("import numpy as np; run.log('a', np.array(2.0)); run.log('a', np.bool_(True))", {"a": [2.0, 1.0]}),
        ("import numpy as np; run.log_list('a', np.arange(3))", {"a": [0, 1, 2]}),
        ("import numpy as np; run.log_table('t', {'x': np.ones(2)})", {"t": {"x": [1.0, 1.0]}}),
        ("from decimal import Decimal; run.log('a', Decimal('0.5'))", {"a": 0.5}),
    ],
)
def test_get_metrics_gives_back_what_was_logged(in_a_run: Evaluate, body: str, expected: Any) -> None:
    assert in_a_run(body + "\nresult = run.get_metrics()") == expected


def test_non_finite_numbers_survive(in_a_run: Evaluate) -> None:
    body = """
    for value in ("nan", "inf", "-inf"):
        run.log("a", float(value))
    result = [repr(value) for value in run.get_metrics()["a"]]
    """
    assert in_a_run(body) == ["nan", "inf", "-inf"]


def test_every_record_is_strict_json(job: Any, in_a_run: Evaluate) -> None:
    in_a_run("run.log('a', float('nan')); run.log('b', '\\ud800'); run.log_list('c', [float('inf')]); result = 1")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    records = [json.loads(line, parse_constant=refuse) for line in job.records.splitlines()]
    assert [record["op"] for record in records] == ["log", "log", "log"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("run.log('a', [1])", "log_list"),
        ("run.log('a', range(3))", "log_list"),
        ("run.log('a', 1, step='x')", "whole number"),
        ("run.log('a', 1, step=1.5)", "whole number"),
        ("run.log_row('t', x=[1])", "log_table"),
        ("run.log_table('t', [1])", "dictionary"),
        ("run.log_table('t', {'x': [1], 'y': [1, 2]})", "one length"),
        ("run.log_confusion_matrix('c', '{')", "Invalid JSON"),
        ("run.log_image('i')", "path"),
        ("run.log_image('i', path='a', plot='b')", "path"),
        ("run.log_image('i', plot='b')", "savefig"),
        ("run.log_image('i', path='missing.png')", "does not exist"),
        ("run.upload_file('../x', __file__)", "relative path"),
        ("run.upload_file('/x', __file__)", "relative path"),
        ("run.upload_file('x', 'missing')", "no such file"),
        ("run.upload_file('x', 7)", "UnsupportedType"),
        ("run.upload_folder('x', 'missing')", "not a valid directory"),
        ("run.upload_files(['a'], [])", "equal lengths"),
        ("run.download_file('missing')", "available files"),
        ("run.create_children()", "count"),
        ("run.create_children(count=101)", "more than 100"),
        ("run.create_children(count=1, tag_key='a', tag_values=[1])", "count can not be set"),
        ("run.create_children(tag_key='a')", "tag_values"),
        ("run.fail(error_details=7)", "must be instance"),
        ("run.wait_for_completion()", "for ever"),
        ("run.submit_child(None)", "child_run"),
        ("run.get_secret('s')", "secret://"),
        ("run.register_model('m', 'outputs/missing')", "Could not locate"),
        ("import azureml.core; azureml.core.Model.list(None)", "not available"),
        ("import azureml.core; azureml.core.Model.get_model_path('m')", "by the model's name"),
        ("import azureml.core as c; c.Model.register(None, 'missing', 'm')", "provided model path missing"),
        ("import azureml.core as c; c.Dataset.get_by_name(None, 'd')", "The data 'd' is not available"),
        ("run.experiment.workspace.datasets['d']", "Name 'd' under 'data' in the run configuration"),
        ("run.experiment.workspace.get_default_datastore()", "under 'data' in the run configuration"),
        ("run.experiment.workspace.get_default_keyvault().get_secret('home')", "HOME: secret://STORE/home"),
        ("run.experiment.workspace.get_default_keyvault().set_secret('s', 'v')", "not available"),
        ("from azureml.core.compute import AmlCompute; AmlCompute.supported_vmsizes(None)", "not available"),
        ("from azureml.core.runconfig import RunConfiguration; RunConfiguration()", "not available"),
        ("import azureml.core; azureml.core.Nonsense", "azureml.core of AML Plugins has no 'Nonsense'"),
        ("import azureml.core; azureml.core.Dataset()", "not available"),
        ("from azureml.core import Nonsense", "Nonsense"),
        ("run.experiment.submit(None)", "not available"),
        ("run.experiment.workspace.datastores", "not available"),
    ],
)
def test_mistakes_are_named_and_record_nothing(job: Any, in_a_run: Evaluate, call: str, message: str) -> None:
    indented = "try:\n    " + call + "\n    result = ''\nexcept Exception as error:\n    result = str(error)"
    assert message in in_a_run(indented)
    assert job.records == b""


def test_tags_and_properties(in_a_run: Evaluate) -> None:
    body = """
    run.tag("a"); run.tag("b", 1); run.set_tags({"c": "x", "d": "y"}); run.set_tags("e"); run.remove_tags(["c", "zz"])
    run.add_properties({"p": 1}); run.add_properties({"p": 1}); run.add_properties({})
    try:
        run.add_properties({"p": 2})
    except Exception as error:
        run.tag("error", str(error))
    run.display_name = "shown"; run.description = "words"
    result = [run.get_tags(), run.get_properties(), run.name, run.display_name, run.description]
    """
    tags, *rest = in_a_run(body)
    assert "'p' is set" in tags.pop("error")
    assert tags == {"a": None, "b": "1", "d": "y", "e": None}
    assert rest == [{"p": "1"}, "shown", "shown", "words"]


def test_uploads_are_copies_of_the_moment(job: Any, in_a_run: Evaluate) -> None:
    body = """
    import io
    for text in ("one", "two"):
        with open("f.txt", "w") as file:
            file.write(text)
        run.upload_file("kept/" + text + ".txt", "f.txt")
    run.upload_file("again.txt", "f.txt"); run.upload_file("again.txt", io.BytesIO(b"newer"))
    run.upload_file("text.txt", io.StringIO("text"))
    names, mapped = run.upload_files(["x.txt"], ["f.txt"], return_artifacts=True)
    open("outputs/model.pkl", "w").close()
    run.download_file("again.txt", "copy.txt"); run.download_file("outputs/model.pkl", "down/model.pkl")
    run.download_files(prefix="kept", output_directory="all", append_prefix=False)
    result = [open("copy.txt").read(), run.get_file_names(), open("all/one.txt").read(), list(mapped), names]
    """
    copy, names, one, mapped, artifacts = in_a_run(body)
    assert (copy, one, mapped, artifacts) == ("newer", "one", ["x.txt"], {"x.txt": "x.txt"})
    assert names == ["kept/one.txt", "kept/two.txt", "again.txt", "text.txt", "x.txt", "outputs/model.pkl"]
    found = {path.relative_to(job.uploads).as_posix() for path in job.uploads.rglob("*") if path.is_file()}
    assert {name.partition("/")[2] for name in found} == set(names) - {"outputs/model.pkl"}


def test_child_runs(in_a_run: Evaluate) -> None:
    body = """
    from azureml.core import get_run
    with run.child_run("one") as one:
        one.log("m", 1)
    try:
        with run.child_run("two") as two:
            raise ValueError("no")
    except ValueError:
        pass
    with run.child_run("three", run_id="mine") as three:
        raise SystemExit(0)
    again = run.child_run("three", run_id="mine")
    grand = one.child_run("grand"); grand.log("m", 2)
    batch = run.create_children(count=2)
    open("result.txt", "w").close()
    import os; os.makedirs("out"); open("out/f", "w").close()
    with run.child_run(outputs="out") as saved:
        pass
    details = two.get_details()
    result = {
        "status": [child.status for child in (one, two, three, grand)],
        "error": details["error"]["error"]["message"],
        "again": again == three and get_run(run.experiment, "mine") == three,
        "children": [child.name for child in run.get_children()],
        "failed": [child.name for child in run.get_children(status="Failed")],
        "tagged": [child.tags for child in run.get_children(tags={"azureml.batch_child_number": 1})],
        "recursive": len(list(run.get_children(recursive=True))),
        "parents": [one.parent == run, grand.parent == one, run.parent],
        "wait": one.wait_for_completion()["status"],
        "metrics": sorted(map(str, run.get_metrics("m", recursive=True).values())),
        "saved": saved.get_file_names(),
        "ids": len({run.id, one.id, two.id, three.id, grand.id}),
    }
    """
    assert in_a_run(body) == {
        "status": ["Completed", "Failed", "Running", "Running"],
        "error": "User program failed with ValueError: no",
        "again": True,
        "children": ["one", "two", "three", None, None, None],
        "failed": ["two"],
        "tagged": [{"azureml.batch_child_number": "1"}],
        "recursive": 7,
        "parents": [True, True, None],
        "wait": "Completed",
        "metrics": ["{'m': 1}", "{'m': 2}"] + ["{}"] * 6,
        "saved": ["out/f"],
        "ids": 5,
    }


def test_submitted_run_ends_with_its_script_only(job: Any, in_a_run: Evaluate) -> None:
    body = """
    with run:
        run.start(); run.complete(); run.cancel(); run.fail("bad", "Code"); run.flush()
    result = [run.status, run.get_details()["error"], run.number, dict(run.input_datasets), dict(run.output_datasets)]
    """
    assert in_a_run(body) == ["Running", {"error": {"code": "Code", "message": "bad"}}, 1, {}, {}]
    assert not job.operations("status")


def test_register_model_is_a_wish(job: Any, in_a_run: Evaluate) -> None:
    body = """
    open("outputs/model.pkl", "w").close()
    model = run.register_model("iris", "outputs/model.pkl", tags={"a": 1})
    result = [model.name, model.version]
    """
    assert in_a_run(body) == ["iris", None]
    assert [(wish["name"], wish["path"], wish["tags"]) for wish in job.operations("model")] == [
        ("iris", "outputs/model.pkl", {"a": "1"})
    ]


def test_large_values_are_many_records(job: Any, in_a_run: Evaluate) -> None:
    body = """
    run.log_list("many", [0.1] * 200_000)
    run.log_table("wide", {"text": ["x" * 50_000] * 40})
    run.log("long", "y" * 1_000_000)
    result = [len(run.get_metrics("many")["many"]), len(run.get_metrics("wide")["wide"]["text"])]
    """
    assert in_a_run(body) == [200_000, 40]
    assert max(map(len, job.records.splitlines())) < 1_200_000


def test_threads_processes_and_forks_never_mix_their_lines(job: Any, in_a_run: Evaluate) -> None:
    body = """
    import multiprocessing, threading
    def log(worker):
        for step in range(100):
            run.log("w{}".format(worker), step)
            run.log_row("t", worker=worker, text="x" * 500)
    def fork(worker):
        run.log("before", worker)
        threads = [threading.Thread(target=log, args=(10 * worker + n,)) for n in range(3)]
        [t.start() for t in threads]; [t.join() for t in threads]
    run.log("first", 1)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fork, args=(n,)) for n in range(4)]
    [p.start() for p in processes]; fork(9); [p.join() for p in processes]
    result = run.get_metrics()
    """
    metrics = in_a_run(body)
    workers = [10 * process + thread for process in (0, 1, 2, 3, 9) for thread in range(3)]
    assert all(metrics[f"w{worker}"] == list(range(100)) for worker in workers)
    assert len(metrics["t"]["worker"]) == 1500
    numbers: dict[str, list[int]] = {}
    for record in map(json.loads, job.records.splitlines()):
        numbers.setdefault(record["w"], []).append(record["n"])
    assert len(numbers) == 5
    assert all(seen == list(range(1, len(seen) + 1)) for seen in numbers.values())


def test_full_disk_does_not_end_the_script(job: Any) -> None:
    """The limit on a file's size stands for the disk's: what fits is kept, the rest is said once."""
    script = """
        import resource
        from azureml.core import Run
        run = Run.get_context()
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for step in range(100):
            run.log("a", step)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("trained")
    """
    out = job.run(script, check=False)
    assert "trained" in out
    assert out.count("cannot be written") == 1
    assert [json.loads(line)["values"] for line in job.records.splitlines()[:-1]][:3] == [[0], [1], [2]]
