"""Odd arguments, odd output, and people who stop looking: ``aml`` takes them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aml_plugins.testing.waiting import wait_until

SCRIPT = """\
import json, os, sys, time
print("started", flush=True)
print(json.dumps([sys.argv[1:], os.environ.get("ODD")]), flush=True)
time.sleep(float(os.environ.get("SLEEP", "0")))
while not os.path.exists(os.environ.get("UNTIL", ".")):
    time.sleep(0.05)
"""
COMMAND = [sys.executable, "-m", "aml_plugins.cli"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "a directory with spaces & ünïcode 🙂"
    directory.mkdir()
    (directory / "schrïtt eins.py").write_text(SCRIPT)
    return directory


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | more


def aml(*arguments: object, code: int = 0, **more: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, env=environment(**more), timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr, done.stderr
    return done


def last_run() -> dict:
    return json.loads(aml("run", "list", "--limit", 1, "-o", "json").stdout)[0]


def test_odd_names_and_arguments_arrive_as_they_are(aml_home: Path, source: Path) -> None:
    arguments = [
        "two words",
        "\"double\" and 'single'",
        "",
        "x" * 10_000,
        "ünïcode 🙂",
        "$HOME `id` \\ *",
        "--flag",
        "a\nb",
    ]

    shown = aml(
        "run", "submit", source, "--script", "schrïtt eins.py", "--experiment", "Größe & 🙂", "--name", "näme 'x'",
        "--env", "ODD=one\ntwo=3\n", "--tag", "schlüssel=wért", "--wait", "--", *arguments,
    ).stdout.decode()  # fmt: skip

    assert json.loads(shown.splitlines()[2]) == [arguments, "one\ntwo=3\n"]
    run = last_run()
    assert (run["experiment"], run["name"], run["script"]) == ("Größe & 🙂", "näme 'x'", "schrïtt eins.py")
    assert "schrïtt eins.py" in aml("run", "snapshot", run["id"]).stdout.decode()


def test_output_that_is_no_text_comes_as_it_is(aml_home: Path, source: Path) -> None:
    data = b"\xff\xfe\x00binary\x80\n" + "ü".encode()
    (source / "bytes.py").write_text(f"import sys; sys.stdout.buffer.write({data!r})")

    aml("run", "submit", source, "--script", "bytes.py", "--wait")
    run = last_run()

    assert aml("run", "logs", run["id"]).stdout == data
    assert aml("run", "logs", "-f", run["id"]).stdout == data
    assert "binary" in json.loads(aml("run", "logs", run["id"], "-o", "json").stdout)["log"]


def test_characters_that_come_in_two_pieces_are_whole(aml_home: Path, source: Path) -> None:
    (source / "halves.py").write_text(
        "import sys, time\n"
        "for byte in 'ü🙂ß'.encode():\n"
        "    sys.stdout.buffer.write(bytes([byte])); sys.stdout.flush(); time.sleep(0.1)\n"
    )

    shown = aml("run", "submit", source, "--script", "halves.py", "--wait").stdout.decode()

    assert "ü🙂ß" in shown


def test_fifty_megabytes_of_output(aml_home: Path, source: Path) -> None:
    (source / "much.py").write_text("for number in range(500_000):\n    print(f'{number:07}', 'x' * 91)\n")

    shown = aml("run", "submit", source, "--script", "much.py", "--wait").stdout
    log = aml("run", "logs", "-f", last_run()["id"]).stdout

    assert len(log) == 50_000_000
    assert log.endswith(b"\n0499999 " + b"x" * 91 + b"\n")
    assert log in shown


def test_a_reader_that_leaves_is_no_error(aml_home: Path, source: Path) -> None:
    (source / "much.py").write_text("for number in range(100_000):\n    print(number, 'x' * 91)\n")
    aml("run", "submit", source, "--script", "much.py", "--wait")
    run = last_run()

    for arguments in (["run", "list"], ["run", "logs", run["id"]], ["run", "logs", "-f", run["id"]]):
        shell = 'set -o pipefail; "$@" | head -1'
        done = subprocess.run(
            ["bash", "-c", shell, "bash", *COMMAND, *arguments], capture_output=True, env=environment(), check=False
        )
        assert done.stderr == b""
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 1


def test_waiting_for_a_canceled_run_is_exit_code_1(aml_home: Path, source: Path) -> None:
    aml("run", "submit", source, "--script", "schrïtt eins.py", "--env", "SLEEP=600")
    run = last_run()
    assert b"Canceled" in aml("run", "cancel", run["id"]).stdout

    said = aml("run", "wait", run["id"], code=1).stderr

    assert b"ended as Canceled" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("verb", ["logs", "wait"])
def test_whoever_stops_following_leaves_the_run_to_a_monitor(
    aml_home: Path, source: Path, number: signal.Signals, verb: str
) -> None:
    gone = aml_home.parent / "the follower is gone"
    aml("run", "submit", source, "--script", "schrïtt eins.py", "--env", f"UNTIL={gone}")
    run = last_run()
    command = [*COMMAND, "run", verb, *(["-f"] if verb == "logs" else []), run["id"]]
    following = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(AML_AUTO_MONITOR="1")
    )
    assert following.stdout
    assert following.stdout.readline() == b"started\n"
    following.send_signal(number)
    _, said = following.communicate(timeout=60)
    gone.touch()

    assert following.returncode == 130, said.decode()
    assert f"aml run cancel {run['id']}".encode() in said
    wait_until(lambda: last_run()["state"] == "Completed")  # looking drives nothing: AML_AUTO_MONITOR is 0 here


def test_a_monitor_that_is_about_to_end_does_not_leave_a_new_run_alone(aml_home: Path, source: Path) -> None:
    """Who submits while the automatic monitor still holds its place relies on it; it must look once more."""
    for _ in range(8):
        aml("run", "submit", source, "--script", "schrïtt eins.py", AML_AUTO_MONITOR="1")

    wait_until(lambda: all(run["state"] == "Completed" for run in json.loads(aml("run", "list", "-o", "json").stdout)))
