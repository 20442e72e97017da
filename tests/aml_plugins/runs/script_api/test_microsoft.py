"""Differential: the methods of Microsoft's Run, their parameters, what they convert values to."""

from __future__ import annotations

import json
from typing import Any

SIGNATURES = """
import inspect, json
from azureml.core.run import Run, _SubmittedRun, _OfflineRun
def public(cls):
    found = {}
    for name in dir(cls):
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property) or not callable(getattr(cls, name)):
            found[name] = "property"
        else:
            parameters = inspect.signature(getattr(cls, name)).parameters.values()
            found[name] = [[p.name, str(p.kind), repr(p.default)] for p in parameters if p.name != "self"]
    return found
print(json.dumps([public(_SubmittedRun), public(Run), public(_OfflineRun)]))
"""

# Constants of Azure's addresses, no part of what scripts call.
CONSTANTS = {"DELIM", "EXPERIMENT_ID_PATH", "EXPERIMENT_NAME_PATH", "RUN_PATH", "TID_FMT", "WORKSPACE_FMT"}

VALUES = """
import json
try:
    from azureml.core._metrics import InlineMetric, ListMetric, RowMetric, ScalarMetric, TableMetric
except ImportError:
    InlineMetric = None
from azureml.core import Run
import numpy as np
SCALARS = [1, 1.5, True, None, "text", np.float32(0.5), np.float64(2.5), np.int32(7), {"a": 1}, (1, 2)]
LISTS = [[1, 2], [1.5], ["a", "b"]]
TABLES = [{"x": [1, 2], "y": ["a", "b"]}, {"x": [1.5]}, {"x": 1}]
def theirs(metric):
    return InlineMetric.get_cells_from_metric_v2_dto(metric.create_v2_dto())
def ours(call, *args):
    run = Run.get_context().child_run()
    getattr(run, call)("m", *args)
    return run.get_metrics()["m"]
if InlineMetric:
    found = [theirs(ScalarMetric("m", v)) for v in SCALARS] + [theirs(ListMetric("m", v)) for v in LISTS]
    found += [theirs(TableMetric("m", v)) for v in TABLES]
else:
    found = [ours("log", v) for v in SCALARS] + [ours("log_list", v) for v in LISTS]
    found += [ours("log_table", v) for v in TABLES]
print(json.dumps(found))
"""


def test_every_public_method_is_there_with_its_parameters(job: Any, microsoft: str) -> None:
    theirs = json.loads(job.run_offline(SIGNATURES, python=microsoft, ours=False))
    ours = json.loads(job.run_offline(SIGNATURES))
    for their_class, our_class in zip(theirs[:2], ours[:2], strict=True):
        wanted = {name: member for name, member in their_class.items() if name not in CONSTANTS}
        assert {name: our_class.get(name) for name in wanted} == wanted


def test_offline_run_has_the_same_methods(job: Any, microsoft: str) -> None:
    theirs = json.loads(job.run_offline(SIGNATURES, python=microsoft, ours=False))[2]
    ours = json.loads(job.run_offline(SIGNATURES))[2]
    theirs.pop("DELIM")
    ours["log"] = [parameter for parameter in ours["log"] if parameter[0] != "step"]  # theirs refuses its own argument
    assert ours == theirs


def test_values_become_what_microsofts_makes_of_them(job: Any, microsoft: str) -> None:
    theirs = json.loads(job.run_offline(VALUES, python=microsoft, ours=False))
    assert json.loads(job.run(VALUES)) == theirs
