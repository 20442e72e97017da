"""The runner as it is started on a target: ``python runner.pyz DIRECTORY``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.runs.runner.claiming import lock_holder, script_of
from aml_plugins.runs.runner.processes import birth_of
from aml_plugins.runs.runner.status import read_status
from aml_plugins.testing.jobs import wait_until

Run = Callable[..., Any]


def test_success(run: Run) -> None:
    ran = run("import sys; print('out'); print('err', file=sys.stderr)")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (ran.status["state"], ran.status["exit_code"], ran.status["reason"]) == ("succeeded", 0, None)
    assert ran.status["started_at"] <= ran.status["finished_at"]
    assert ran.text == "out\nerr\n"


@pytest.mark.parametrize("code", [1, 2, 77, 255])
def test_exit_codes(run: Run, code: int) -> None:
    ran = run(f"import sys; sys.exit({code})")
    assert (ran.returncode, ran.status["state"], ran.status["exit_code"]) == (code, "failed", code)
    assert ran.status["reason"] == f"The script ended with exit code {code}."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SIGKILL", "killed by signal 9 (SIGKILL), often out of memory"),
        ("SIGSEGV", "killed by signal 11 (SIGSEGV), a crash in native code"),
        ("SIGTERM", "killed by signal 15 (SIGTERM)"),
    ],
)
def test_signals_in_words(run: Run, name: str, words: str) -> None:
    ran = run(f"import os, signal; os.kill(os.getpid(), signal.{name})")
    number = getattr(signal, name).value
    assert (ran.returncode, ran.status["exit_code"]) == (128 + number, -number)
    assert words in ran.status["reason"]


def test_a_traceback_is_in_the_log(run: Run) -> None:
    ran = run("raise ValueError('of all things')")
    assert ran.status["exit_code"] == 1
    assert "ValueError: of all things" in ran.text


def test_unicode_output_and_arguments(run: Run) -> None:
    text = "größe 日本 🎉"
    ran = run("import sys; sys.stdout.reconfigure(encoding='utf-8'); print(sys.argv[1])", arguments=[text])
    assert ran.text == text + "\n"


def test_bytes_that_are_no_text_are_kept(run: Run) -> None:
    ran = run("import sys; sys.stdout.buffer.write(bytes(range(256)))")
    assert ran.log == bytes(range(256))


def test_arguments_are_never_read_by_a_shell(run: Run, tmp_path: Path) -> None:
    arguments = ["a b", "", "$(touch pwned)", "; rm -rf x", "'\"", "*", "new\nline", "-c"]
    ran = run("import json, sys; print(json.dumps(sys.argv[1:]))", arguments=arguments)
    assert json.loads(ran.text) == arguments


def test_much_output_needs_little_memory(run: Run) -> None:
    """100 MB of output; the runner may use a fraction of that."""
    script = """
import os, resource, sys
line = b"x" * 99 + b"\\n"
for _ in range(1000):
    os.write(1, line * 1000)
peak = int(next(l for l in open(f"/proc/{os.getppid()}/status") if l.startswith("VmHWM")).split()[1])
open("outputs/peak", "w").write(str(peak))
"""
    ran = run(script)
    assert ran.status["state"] == "succeeded"
    assert len(ran.log) == 100_000_000
    assert ran.log.count(b"\n") == 1_000_000
    assert int((ran.directory / "work" / "outputs" / "peak").read_text()) < 40_000  # kilobytes


def test_output_is_seen_at_once(prepare: Callable[..., Path]) -> None:
    directory = prepare("import time; print('early'); time.sleep(3600)")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    log = directory / "std_log.txt"
    wait_until(lambda: log.exists() and log.read_text() == "early\n")
    runner.send_signal(signal.SIGINT)
    runner.wait()
    assert json.loads((directory / "status.json").read_text())["state"] == "cancelled"


def test_the_script_sees_its_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AML_PARENT_RUN_ID", "somebody else's")
    monkeypatch.setenv("VIRTUAL_ENV", "/somebody/else's")
    monkeypatch.setenv("GIVEN_TO_THE_RUNNER", "secret")
    script = "import json, os; print(json.dumps([dict(os.environ), os.getcwd()]))"
    ran = run(script, variables={"MINE": "1", "AML_WORKSPACE": "team-a"}, experiment="iris", run_id="ab" * 16)
    seen, directory = json.loads(ran.text)
    job = str(ran.directory)
    assert directory == f"{job}/work"
    expected = {
        "AML_RUN_ID": "ab" * 16,
        "AZUREML_RUN_ID": "ab" * 16,
        "AML_EXPERIMENT": "iris",
        "AZUREML_ARM_PROJECT_NAME": "iris",
        "AML_WORKSPACE": "team-a",
        "AZUREML_ARM_WORKSPACE_NAME": "team-a",
        "AML_JOB_DIRECTORY": job,
        "AML_RECORDS": f"{job}/records.jsonl",
        "PYTHONUNBUFFERED": "1",
        "MINE": "1",
        "GIVEN_TO_THE_RUNNER": "secret",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "AML_PARENT_RUN_ID" not in seen
    assert seen.get("VIRTUAL_ENV") != "/somebody/else's"
    assert seen["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def test_a_child_run_knows_its_parent(run: Run) -> None:
    ran = run("import os; print(os.environ['AML_PARENT_RUN_ID'])", parent_run_id="cd" * 16)
    assert ran.text.strip() == "cd" * 16


def test_the_user_s_python_path_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "helper.py").write_text("WORD = 'found'")
    ran = run("import helper; print(helper.WORD)", variables={"PYTHONPATH": str(tmp_path / "mine")})
    assert ran.text == "found\n"


def test_scripts_are_started_as_python_starts_them(run: Run) -> None:
    script = "import os, sys, pkg.near; print(__name__, sys.argv[0], __file__, sys.stdin.read() == '')"
    ran = run(script, files={"pkg/near.py": b"", "pkg/__init__.py": b""})
    assert ran.text == f"__main__ train.py {ran.directory}/work/train.py True\n"


def test_a_script_in_a_folder(run: Run) -> None:
    ran = run("", files={"steps/fit.py": b"import near; print('fit')", "steps/near.py": b""}, script="steps/fit.py")
    assert ran.text == "fit\n"


@pytest.mark.parametrize("script", ["missing.py", "../job.json", "/etc/hostname", "steps"])
def test_a_script_that_is_not_there(run: Run, script: str) -> None:
    ran = run("", files={"steps/fit.py": b""}, script=script)
    assert (ran.status["state"], ran.status["reason"]) == ("failed", f"The snapshot has no script '{script}'.")
    assert ran.text == ran.status["reason"] + "\n"


@pytest.mark.parametrize("kind", ["missing", "missing-name", "not-executable", "not-python", "hangs-not", "directory"])
def test_a_dead_interpreter(run: Run, tmp_path: Path, kind: str) -> None:
    text = tmp_path / "not-executable"
    text.write_text("#!/bin/sh\n")
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    paths = {
        "missing": "/nowhere/bin/python",
        "missing-name": "no-such-python",
        "not-executable": str(text),
        "not-python": str(fake),
        "hangs-not": "/bin/cat",
        "directory": str(tmp_path),
    }
    ran = run("print('ran')", environment={"kind": "existing", "interpreter": paths[kind]})
    assert ran.status["state"] == "failed"
    assert paths[kind] in ran.status["reason"]
    assert "Traceback" not in ran.text
    assert "ran" not in ran.text.splitlines()


def test_an_interpreter_found_on_the_path(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "my-python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    ran = run("import sys; print(sys.executable)", environment={"kind": "existing", "interpreter": "my-python"})
    assert ran.text.strip() == str(tmp_path / "bin" / "my-python")


def test_an_environment_nobody_can_build(run: Run) -> None:
    ran = run("print('ran')", environment={"kind": "wishful"})
    assert ran.status["state"] == "failed"
    assert "wishful" in ran.status["reason"]


def test_a_job_runs_once(run: Run) -> None:
    ran = run("open('outputs/count', 'a').write('x')")
    again = subprocess.run([sys.executable, ran.directory / "runner.pyz", ran.directory], check=False)
    assert again.returncode == 0
    assert json.loads((ran.directory / "status.json").read_text()) == ran.status
    assert (ran.directory / "work" / "outputs" / "count").read_text() == "x"


def test_a_job_whose_runner_died_is_not_run_again(run: Run, prepare: Callable[..., Path]) -> None:
    directory = prepare("open('outputs/count', 'a').write('x')")
    (directory / "started").touch()
    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=True)
    status = json.loads((directory / "status.json").read_text())
    assert status["state"] == "failed"
    assert "runner" in status["reason"]
    assert not (directory / "work").exists()


def test_a_script_whose_runner_died_before_its_first_word_is_found(prepare: Callable[..., Path]) -> None:
    """It carries no key: only what the runner noted in the lock leads to it."""
    directory = prepare("")
    script = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    try:
        (directory / "lock").write_text(f"{script.pid} 1 {script.pid} {birth_of(script.pid)}")
        (directory / "started").touch()
        subprocess.run([sys.executable, directory / "runner.pyz", directory], check=True)
        assert script.wait(60) == -signal.SIGKILL
    finally:
        script.kill()
    assert json.loads((directory / "status.json").read_text())["state"] == "failed"


def test_the_runner_notes_where_its_script_is(prepare: Callable[..., Path]) -> None:
    directory = prepare("import os; print(os.getpid(), flush=True); import time; time.sleep(3600)")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    log = directory / "std_log.txt"
    wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
    wait_until(lambda: script_of(str(directory)) is not None)
    pid = int(log.read_text())
    assert script_of(str(directory)) == (pid, birth_of(pid))
    assert lock_holder(str(directory)) == (runner.pid, birth_of(runner.pid))
    (directory / "status.json").unlink(missing_ok=True)  # as before its first word, however late it is by now
    said = read_status(str(directory)) or {}
    assert (said["state"], said["script_pid"], said["script_birth"]) == ("running", pid, birth_of(pid))
    assert abs(said["started_at"] - time.time()) < 3600
    runner.terminate()
    runner.wait(60)


def test_the_last_word_takes_the_place_that_was_kept_for_it(run: Run) -> None:
    ran = run("print('x')")
    assert ran.status["state"] == "succeeded"
    assert ran.status["script_pid"] > 0
    assert sorted(path.name for path in ran.directory.iterdir() if path.suffix != ".zip") == [
        "job.json",
        "lock",
        "runner.pyz",
        "started",
        "status.json",
        "std_log.txt",
        "work",
    ]


def test_cancelled_before_it_began(prepare: Callable[..., Path]) -> None:
    directory = prepare("print('ran')")
    (directory / "cancel").touch()
    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=False)
    assert json.loads((directory / "status.json").read_text())["state"] == "cancelled"
    assert not (directory / "work" / "train.py").exists()


def test_the_cancel_file_alone_is_enough(prepare: Callable[..., Path]) -> None:
    directory = prepare("print('begun'); import time; time.sleep(3600)")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    log = directory / "std_log.txt"
    wait_until(lambda: log.exists() and log.read_text() == "begun\n")
    (directory / "cancel").touch()
    runner.wait(60)
    assert json.loads((directory / "status.json").read_text())["state"] == "cancelled"


def test_the_heart_beats(prepare: Callable[..., Path]) -> None:
    directory = prepare("print('begun'); import time; time.sleep(3600)")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    status = directory / "status.json"
    wait_until(lambda: status.exists() and json.loads(status.read_text())["state"] == "running")
    first = json.loads(status.read_text())["heartbeat"]
    wait_until(lambda: json.loads(status.read_text())["heartbeat"] > first)
    runner.terminate()
    runner.wait(60)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1}', "{", "\u00e4"])
def test_a_damaged_job_file(run: Run, prepare: Callable[..., Path], text: str) -> None:
    directory = prepare("")
    (directory / "job.json").write_text(text, encoding="latin-1")
    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=False)
    status = json.loads((directory / "status.json").read_text())
    assert status["state"] == "failed"
    assert "job file" in status["reason"]


def test_usage(prepare: Callable[..., Path]) -> None:
    done = subprocess.run([sys.executable, prepare("") / "runner.pyz"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python runner.pyz JOB_DIRECTORY\n")


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("what", ["unpacking", "logging"])
def test_a_full_disk(prepare: Callable[..., Path], small_disk: Path, what: str, tmp_path: Path) -> None:
    scripts = {"unpacking": "print('ran')", "logging": "for _ in range(10**6): print('x' * 1000)"}
    files = {"data.bin": bytes(4 << 20)} if what == "unpacking" else {}
    prepared = prepare(scripts[what], files=files, cache=str(tmp_path / "cache"))
    directory = small_disk / "job"
    directory.mkdir()
    for path in prepared.iterdir():
        shutil.copy(path, directory)
    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=False)
    status = json.loads((directory / "status.json").read_text())
    assert status["state"] == "failed"
    assert "The disk of the compute target is full." in status["reason"]


def test_a_stopped_descendant_is_ended_too(run: Run) -> None:
    script = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"])
os.waitpid(child.pid, os.WUNTRACED)
print(child.pid)
"""
    ran = run(script, grace_seconds=0.1)
    assert ran.status["state"] == "succeeded"
    wait_until(lambda: not Path("/proc", ran.text.strip()).exists())  # whoever inherits it has to take note of its end
