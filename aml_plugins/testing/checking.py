"""Run the conformance kit against a compute target, in a process of its own, and say what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from aml_plugins.errors import MissingExtraError, PluginError
from aml_plugins.json_types import JsonValue

__all__ = ["KitReport", "check_target", "read_report"]

_MODULE = "aml_plugins.testing.check_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitReport:
    """Which obligations a backend keeps.

    :param kept: names of tests that passed; :param broken: those that failed, each with its message.
    :param unsupported: tests of optional abilities that the backend does not have, each with the reason.
    """

    kept: tuple[str, ...]
    broken: Mapping[str, str]
    unsupported: Mapping[str, str]


def check_target(
    *, workspace: str, name: str, type_name: str, config: Mapping[str, JsonValue], module: str
) -> KitReport:
    """Try every obligation on a compute target: about fifty small jobs.

    :param module: the module that has the backend's class.
    :raises MissingExtraError: where pytest is not installed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise MissingExtraError("Checking a compute target", "testing")
    with tempfile.TemporaryDirectory(prefix="aml-check-") as directory:
        target: dict[str, JsonValue] = {
            "workspace": workspace,
            "name": name,
            "type": type_name,
            "config": dict(config),
            "module": module,
        }
        target["home"] = str(Path(directory) / "home")
        return _run(Path(directory), target)


def _run(directory: Path, target: Mapping[str, JsonValue]) -> KitReport:
    (directory / "pytest.ini").write_text("[pytest]\n")  # nobody's own settings
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "--pyargs", _MODULE, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-c", str(directory / "pytest.ini"), f"--basetemp={directory / 'tests'}", f"--junitxml={report}"],
        cwd=directory,
        env={
            **os.environ,
            "AML_CHECK_TARGET": json.dumps(target),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file():
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise PluginError(f"The conformance kit could not be run: {last[0]}", "Run: pip install 'aml-plugins[testing]'")
    return read_report(report)


def _message(failure: ET.Element) -> str:
    """Return what a test failed with, whole: pytest cuts the attribute that has it short."""
    lines = [line.removeprefix("E").strip() for line in (failure.text or "").splitlines() if line.startswith("E ")]
    return " ".join(" ".join(lines or [failure.get("message") or ""]).split())


def read_report(report: Path) -> KitReport:
    """Return what pytest's report says. Our own process wrote it: nothing in it is a stranger's."""
    kept, broken, unsupported = [], {}, {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  see above
        name = case.get("name") or ""
        wrong = [found for kind in ("failure", "error") if (found := case.find(kind)) is not None]
        skipped = case.find("skipped")
        if wrong:
            broken[name] = _message(wrong[0])
        elif skipped is not None:
            unsupported[name] = skipped.get("message") or ""
        else:
            kept.append(name)
    return KitReport(kept=tuple(kept), broken=broken, unsupported=unsupported)
