from __future__ import annotations

import uuid
from pathlib import Path

from aml_backends.local.backend import LocalBackend
from aml_plugins.testing.jobs import make_job, wait_until_ended

KEY = f"aml-{uuid.uuid4().hex}-1"  # tests at the same time must not end each other's jobs


def fetch(backend: LocalBackend, tmp_path: Path, script: str) -> Path:
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    status = wait_until_ended(backend, handle)
    assert status.exit_code == 0, backend.logs(handle).data.decode()
    results = tmp_path / "results"
    results.mkdir()
    backend.fetch(handle, results)
    return results


def test_files_are_linked_not_copied(backend: LocalBackend, tmp_path: Path) -> None:
    results = fetch(backend, tmp_path, "open('outputs/model.pkl', 'w').write('weights')")
    source = backend.target.home / "jobs" / KEY / "work" / "outputs" / "model.pkl"
    assert (results / "outputs" / "model.pkl").samefile(source)


def test_links_do_not_carry_foreign_files_home(backend: LocalBackend, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("not yours")
    script = f"""
import os
os.makedirs("data/deep")
open("data/deep/table.csv", "w").write("1,2")
os.symlink({str(foreign)!r}, "outputs/foreign.txt")
os.symlink({str(tmp_path)!r}, "outputs/elsewhere")
os.symlink("../data", "outputs/data")
os.symlink("..", "outputs/circle")
os.symlink("nothing", "outputs/dangling")
os.mkfifo("outputs/pipe")
"""
    results = fetch(backend, tmp_path, script)
    assert (results / "outputs" / "data" / "deep" / "table.csv").read_text() == "1,2"
    names = {path.name for path in results.rglob("*")}
    assert (results / "outputs" / "circle" / "train.py").is_file()
    assert not (results / "outputs" / "circle" / "outputs" / "circle").exists()
    assert not names & {"foreign.txt", "elsewhere", "dangling", "pipe"}


def test_an_outputs_directory_that_is_a_link_elsewhere_is_left_out(backend: LocalBackend, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("not yours")
    script = f"import os; os.rmdir('outputs'); os.symlink({str(tmp_path / 'private')!r}, 'outputs')"
    assert not (fetch(backend, tmp_path, script) / "outputs").exists()


def test_names_of_all_kinds_come_home(backend: LocalBackend, tmp_path: Path) -> None:
    names = ["größe 日本 🎉.txt", "new\nline", "-rf", "a b"]
    script = f"for name in {names!r}: open('outputs/' + name, 'w').write(name)"
    results = fetch(backend, tmp_path, script)
    assert sorted(path.name for path in (results / "outputs").iterdir()) == sorted(names)


def test_the_run_s_log_wins_over_the_script_s_own_file(backend: LocalBackend, tmp_path: Path) -> None:
    results = fetch(backend, tmp_path, "print('the log'); open('logs/std_log.txt', 'w').write('mine')")
    assert (results / "logs" / "std_log.txt").read_text() == "the log\n"


def test_uploads_and_records_come_home(backend: LocalBackend, tmp_path: Path) -> None:
    script = """
import os
uploads = os.path.join(os.environ["AML_JOB_DIRECTORY"], "uploads", os.environ["AML_RUN_ID"])
os.makedirs(uploads)
open(os.path.join(uploads, "plot.png"), "w").write("png")
open(os.environ["AML_RECORDS"], "w").write('{"metric": 1}\\n')
"""
    results = fetch(backend, tmp_path, script)
    assert (results / "uploads" / KEY[4:36] / "plot.png").read_text() == "png"
    assert (results / "records.jsonl").read_text() == '{"metric": 1}\n'


def test_cleanup_deletes_what_may_not_be_written_to(backend: LocalBackend, tmp_path: Path) -> None:
    fetch(backend, tmp_path, "import os; os.mkdir('outputs/d'); open('outputs/d/f', 'w'); os.chmod('outputs/d', 0o500)")
    handle = backend.find(KEY)
    assert handle is not None
    backend.cleanup(handle)
    assert list((backend.target.home / "jobs").iterdir()) == []
