"""A script's bytes become the task log's lines."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_airflow.task_log import LONGEST_LINE, Lines


def lines_of(*pieces: bytes) -> list[str]:
    written: list[str] = []
    lines = Lines(written.append)
    for piece in pieces:
        lines.feed(piece)
    lines.close()
    return written


@settings(suppress_health_check=[HealthCheck.too_slow])  # how fast a loaded machine draws says nothing here
@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_lines_are_the_same_wherever_the_stream_is_cut(texts, data):
    stream = "".join(f"{text}\n" for text in texts).encode()
    cut = data.draw(st.integers(0, len(stream)))
    assert lines_of(stream[:cut], stream[cut:]) == texts


def test_the_last_line_needs_no_end_and_windows_ends_are_ends():
    assert lines_of(b"a\r\n\nb") == ["a", "", "b"]


def test_a_line_that_never_ends_is_written_in_pieces():
    assert [len(line) for line in lines_of(b"x" * (2 * LONGEST_LINE), b"y")] == [LONGEST_LINE, LONGEST_LINE, 1]


def test_bytes_that_are_no_text_do_no_harm():
    assert lines_of(b"a\xff\xe2", b"\n\xe2") == ["a\ufffd\ufffd", "\ufffd"]
