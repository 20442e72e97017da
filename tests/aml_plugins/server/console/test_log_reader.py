"""A log read in pieces, from wherever a reader stopped, before and after the run's end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aml_plugins.runs.attempts import GENERATION
from aml_plugins.server.console.log_reader import BLOCK, TAIL, LogReader, Piece, Position
from aml_plugins.server.routes.run_logs import spool_of
from aml_plugins.server.serving import Server
from aml_plugins.store.records import RunRecord
from aml_plugins.testing import FakeJob, make_job


@pytest.fixture
def end(server: Server, move, tmp_path: Path) -> Callable[[RunRecord, bytes], RunRecord]:
    """End a run: its log comes home, its job is cleaned up."""

    def ended(run: RunRecord, log: bytes) -> RunRecord:
        (tmp_path / "std_log.txt").write_bytes(log)
        server.context.history("team-a").upload(run.run_id, tmp_path / "std_log.txt", "logs")
        return move(run, state="Completed")

    return ended


def drain(reader: LogReader, run: RunRecord) -> list[Piece]:
    pieces = list(iter(lambda: reader.read(run), None))
    for piece in pieces:
        assert len(piece.text.encode()) <= BLOCK + 4
    return pieces


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def test_a_growing_log_is_read_as_it_grows(server: Server, add_job) -> None:
    run, log = add_job(b"one\n")
    reader = LogReader(server.context, spool_of(server), None)
    assert text(drain(reader, run)) == "one\n"
    assert reader.read(run) is None
    with log.open("ab") as file:
        file.write(b"two\n")
    (piece,) = drain(reader, run)
    assert piece == Piece(4, "two\n", Position(1, 8))


def test_a_character_in_two_halves_is_one(server: Server, add_job) -> None:
    run, log = add_job("caf\u00e9".encode()[:-1])
    reader = LogReader(server.context, spool_of(server), None)
    (first,) = drain(reader, run)
    assert first == Piece(0, "caf", Position(1, 3))
    with log.open("ab") as file:
        file.write("\u00e9".encode()[1:])
    assert text(drain(reader, run)) == "\u00e9"
    resumed = LogReader(server.context, spool_of(server), first.end)
    assert text(drain(resumed, run)) == "\u00e9"


def test_a_reader_goes_on_where_it_stopped(server: Server, add_job) -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))
    run, _ = add_job(lines.encode())
    first = LogReader(server.context, spool_of(server), Position(1, 0)).read(run)
    assert first is not None
    rest = drain(LogReader(server.context, spool_of(server), first.end), run)
    assert first.text + text(rest) == lines


def test_who_comes_in_the_middle_sees_the_last_lines(server: Server, add_job) -> None:
    lines = "".join(f"line {number}\n" for number in range(200_000))
    run, _ = add_job(lines.encode())
    pieces = drain(LogReader(server.context, spool_of(server), None), run)
    assert lines.endswith(text(pieces))
    assert text(pieces).startswith("line ")
    assert TAIL - 100 < len(text(pieces)) <= TAIL
    assert pieces[0].start == len(lines) - len(text(pieces))
    assert pieces[-1].end == Position(1, len(lines))


def test_the_end_of_the_log_comes_from_the_artifacts(server: Server, add_job, end) -> None:
    run, log = add_job(b"one\n", in_mlflow=True)
    reader = LogReader(server.context, spool_of(server), None)
    assert text(drain(reader, run)) == "one\n"
    log.unlink()
    ended = end(run, b"one\ntwo\n")
    assert text(drain(reader, ended)) == "two\n"
    assert text(drain(LogReader(server.context, spool_of(server), Position(1, 4)), ended)) == "two\n"
    assert text(drain(LogReader(server.context, spool_of(server), None), ended)) == "one\ntwo\n"
    reader.close()


def test_the_last_lines_of_a_run_that_ended(server: Server, add_job, end) -> None:
    lines = "".join(f"line {number}\n" for number in range(100_000))
    run, _ = add_job(in_mlflow=True)
    pieces = drain(LogReader(server.context, spool_of(server), None), end(run, lines.encode()))
    assert lines.endswith(text(pieces))
    assert pieces[0].text.startswith("line ")
    assert pieces[-1].end == Position(1, len(lines))


def test_a_further_attempt_begins_a_log_of_its_own(server: Server, add_job, move) -> None:
    run, _ = add_job(b"first\n")
    other, _ = add_job(b"second\n")
    reader = LogReader(server.context, spool_of(server), None)
    assert text(drain(reader, run)) == "first\n"
    again = move(run, attempt=2, handle=other.handle)
    assert drain(reader, again) == [Piece(0, "second\n", Position(2, 7))]


def test_what_its_target_began_again_is_read_from_its_beginning(
    server: Server, add_run, end, fake_backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.context.backends, "get", lambda _workspace, _name: fake_backend)
    fake_backend.job = FakeJob(running=10, log=b"one\n")
    handle = fake_backend.submit(make_job(Path(), "aml-1-1", ""), "aml-1-1")
    run = add_run(in_mlflow=True, handle=handle.to_dict())
    reader, spool = LogReader(server.context, spool_of(server), None), spool_of(server)
    (first,) = drain(reader, run)
    assert first == Piece(0, "one\n", Position(1, 4, 1))

    fake_backend.begin_again(handle, FakeJob(running=10, log=b"again\ntwo\n"))
    anew = Piece(0, "again\ntwo\n", Position(1, 10, 2))
    assert drain(reader, run) == [anew] == drain(LogReader(server.context, spool, first.end), run)

    ended = replace(end(run, b"third\n"), cursors={GENERATION: 3})
    assert drain(reader, ended) == [Piece(0, "third\n", Position(1, 6, 3))]
    reader.close()


def test_a_run_without_a_log_or_a_job_has_nothing_to_read(server: Server, add_run, move) -> None:
    run = add_run(in_mlflow=True)
    reader = LogReader(server.context, spool_of(server), None)
    assert drain(reader, run) == []
    assert drain(reader, move(run, state="Failed")) == []


def test_what_is_no_text_is_shown_as_that(server: Server, add_job) -> None:
    run, _ = add_job(b"a\xff\xfeb\n")
    assert text(drain(LogReader(server.context, spool_of(server), None), run)) == "a\ufffd\ufffdb\n"


@pytest.mark.parametrize(
    "given", [None, "", "1", "1.", "-1.0", "1.-5", "1.2.", "1.2.3.4", "x.y", "1." + "9" * 30, "1.5\n", "\u0661.\u0665"]
)
def test_a_position_of_a_stranger_is_none(given: str | None) -> None:
    assert Position.parse(given) is None


def test_a_position_is_read_as_it_was_written() -> None:
    for position in (Position(2, 1234), Position(2, 1234, 17)):
        assert Position.parse(str(position)) == position


def test_a_position_beyond_the_end_reads_nothing(server: Server, add_job) -> None:
    run, _ = add_job(b"one\n")
    assert drain(LogReader(server.context, spool_of(server), Position(1, 10**15)), run) == []
