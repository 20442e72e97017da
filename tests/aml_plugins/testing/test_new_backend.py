"""``aml plugins new``: from nothing to a backend that passes the kit, and the kit notices what is broken in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from aml_plugins.errors import AlreadyExistsError, InvalidInputError
from aml_plugins.testing.checking import read_report
from aml_plugins.testing.new_backend import write_backend_project

BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


def install(project: Path, target: Path) -> Path:
    """Build the project with its own build backend and unpack it, as ``pip install --no-deps --target`` does."""
    wheels = target.with_name(f"{target.name}-wheels")
    wheels.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, str(wheels)], cwd=project, check=True)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(target)
    return target


def run(site: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", *command],
        env={**environment, "PYTHONPATH": str(site), "AML_HOME": str(cwd / "aml-home")},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_backend_project("night-shift", tmp_path)


def test_a_new_backend_passes_the_kit_at_once(project: Path, tmp_path: Path) -> None:
    site = install(project, tmp_path / "site")

    done = run(site, "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
    written = [path.read_text() for path in project.rglob("*.*") if path.suffix in {".py", ".toml", ".md"}]
    assert len(written) == 5
    assert "my-backend" not in "".join(written)

    listed = run(site, "aml_plugins.cli", "plugins", "list", "-o", "json", cwd=tmp_path)
    found = next(plugin for plugin in json.loads(listed.stdout) if plugin["name"] == "night-shift")
    assert found["types"] == ["compute target night-shift"]
    assert found["problems"] == []


def test_check_with_the_kit_counts_obligations(project: Path, tmp_path: Path) -> None:
    site = install(project, tmp_path / "site")
    done = run(site, "aml_plugins.cli", "plugins", "check", "night-shift", "--kit", "-o", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)["kit"]["night-shift"]
    assert len(report["kept"]) > 40
    assert report["broken"] == report["unsupported"] == {}


MUTANTS = {
    "submits twice": ("directory = self._path(key)\n", "key += os.urandom(2).hex(); directory = self._path(key)\n"),
    "forgets the arguments of a shell": (
        "find(self, key):\n        return",
        "find(self, key):\n        return None and",
    ),
    "shows secrets": ('dict.fromkeys(sorted(spec.environment_variables), "***")', "dict(spec.environment_variables)"),
    "sleeps": (
        "job = self._job(handle)\n        seen",
        "__import__('time').sleep(0.01); job = self._job(handle)\n        seen",
    ),
    "raises where nothing is": ("return  # there is", "raise  # there is"),
    "leaves processes": ("self._end(job)", "pass"),
    "looks outside": ('or "/" in key', ""),
    "imports an SDK": ("import subprocess\n", "import subprocess\nimport kubernetes\n"),
    "works in its constructor": (
        "super().__init__(target)\n",
        "super().__init__(target)\n        import socket; socket.getaddrinfo('localhost', 1)\n",
    ),
    "forgets a dead runner": ("if not seen.state.is_terminal and job.bury()", "if False"),
}
NOTICED_BY = {
    "submits twice": "idempotent or recovers",
    "forgets the arguments of a shell": "recovers",
    "shows secrets": "secrets",
    "sleeps": "never_sleeps",
    "raises where nothing is": "missing_job_are_silent",
    "leaves processes": "cleanup_ends",
    "looks outside": "name_and_no_path",
    "imports an SDK": "nothing_heavy",
    "works in its constructor": "no_network",
    "forgets a dead runner": "killed_runner",
}
ALONE = ("-q", "--disable-plugin-autoload", "-p", "aml_plugins.testing.pytest_plugin")
"""Without the plugins that these tests have, whose imports take longer than what is noticed here."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_kit_notices_a_backend_that(mutant: str, project: Path) -> None:
    backend = project / "src" / "night_shift" / "backend.py"
    old, new = MUTANTS[mutant]
    text = backend.read_text()
    assert old in text
    backend.write_text(text.replace(old, new, 1))
    test = project / "tests" / "test_night_shift.py"
    test.write_text(test.read_text().replace('_shift.backend"\n', '_shift.backend"\n    patience = 3.0\n', 1))
    done = run(project / "src", "pytest", *ALONE, "-k", NOTICED_BY[mutant], cwd=project)
    assert done.returncode == 1, done.stdout
    assert " failed" in done.stdout


@pytest.mark.parametrize("name", ["", "My", "a/b", "../x", "a_b", "1a", "-a", "a" * 41])
def test_names_that_cannot_be_distributions_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        write_backend_project(name, tmp_path)


def test_nothing_is_overwritten(project: Path) -> None:
    with pytest.raises(AlreadyExistsError):
        write_backend_project(project.name, project.parent)


def test_what_a_test_of_the_kit_failed_with_is_told_whole(tmp_path: Path) -> None:
    text = (
        "def test_x():\n>       run()\nE       CalledProcessError: a command\nE         it is there already\n\nx.py:3"
    )
    report = tmp_path / "report.xml"
    cut = "CalledProcess... [truncated]"
    report.write_text(f'<s><testcase name="x"><failure message="{cut}">{escape(text)}</failure></testcase></s>')

    assert read_report(report).broken == {"x": "CalledProcessError: a command it is there already"}
