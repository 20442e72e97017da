from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_plugins.runs.runner import json_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
FLAT = st.recursive(SCALARS, lambda inner: st.dictionaries(st.text(), inner))


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine, making values takes its second
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_reads_what_json_writes(value: object, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert json_text.loads(f" \n{text}\n") == value


@given(FLAT)
def test_writes_what_json_reads(value: object) -> None:
    assert json.loads(json_text.dumps(value)) == value


@given(FLAT)
def test_does_without_the_accelerator(value: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "accelerator", None)
        assert json_text.loads(json_text.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "{} {}", "nothing", '{"a": }', "[1,]"])
def test_refuses_what_json_refuses(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json_text.loads(text)
