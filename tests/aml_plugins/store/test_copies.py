from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

import pytest

from aml_plugins.store import records
from aml_plugins.store.copies import changed, made_of, values_of
from aml_plugins.store.records import RunRecord, TaskRecord

RUN = RunRecord(
    workspace="default",
    run_id="0" * 32,
    experiment_id="1",
    experiment_name="e",
    target="local",
    target_type="local",
    state="Queued",
    script="train.py",
    config={"script": "train.py"},
    source={},
)


def test_a_copy_is_what_dataclasses_make() -> None:
    ours = changed(RUN, state="Running", version=4, cursors={"log": "1"})
    assert ours == replace(RUN, state="Running", version=4, cursors={"log": "1"})
    assert (RUN.state, ours.config is RUN.config) == ("Queued", True)


def test_a_record_is_made_of_its_values() -> None:
    assert made_of(RunRecord, values_of(RUN)) == RUN
    with pytest.raises(ValueError, match="zip"):
        made_of(RunRecord, values_of(RUN)[:-1])


@pytest.mark.parametrize("copy", [changed, replace])
def test_a_field_that_there_is_not_is_a_mistake(copy: Callable[..., RunRecord]) -> None:
    with pytest.raises(TypeError, match="wishful"):
        copy(RUN, wishful=1)


def test_no_record_wants_an_initializer() -> None:
    """What copies leave out: nothing is computed or checked when a record is made."""
    kinds = [kind for kind in vars(records).values() if isinstance(kind, type) and is_dataclass(kind)]
    assert {RunRecord, TaskRecord} <= set(kinds)
    for kind in kinds:
        assert not hasattr(kind, "__post_init__"), kind
        assert all(field.init for field in fields(kind)), kind
        assert set(kind.__slots__) == {field.name for field in fields(kind)}, kind
