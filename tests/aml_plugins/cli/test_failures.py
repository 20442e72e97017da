"""What the machine refuses while a command runs is a sentence; only what nobody thought of is called a defect."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from aml_plugins.cli.failures import exit_code_of


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a"), 1, "Error: Permission denied: /a. Give your user"),
        (OSError(errno.ENOSPC, "No space left on device", "/a", None, "/b"), 1, "on device: /b. Free some space"),
        (FileNotFoundError(errno.ENOENT, "No such file", b"/a"), 1, "Error: No such file: /a. Check that path."),
        (UnicodeEncodeError("utf-8", "n\udcff", 1, 2, "surrogates not allowed"), 2, "'n\\udcff' is not UTF-8."),
        (UnicodeEncodeError("ascii", "ä", 0, 1, "ordinal not in range"), 1, "a defect of ours"),
        (OSError("of a library, with no number"), 1, "a defect of ours"),
        (ZeroDivisionError("x"), 1, "a defect of ours"),
    ],
)
def test_a_refusal_is_a_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, sentence: str
) -> None:
    assert exit_code_of(error) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert ("defect" in said) == ("defect" in sentence)


@pytest.mark.parametrize(("redirection", "code"), [(">&-", 0), ("> /dev/full", 1), ("<&- >&- 2>&-", 0)])
def test_an_output_that_is_closed_or_full(redirection: str, code: int) -> None:
    command = f"exec {sys.executable} -m aml_plugins.cli completion bash {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == code
    assert done.stderr.startswith("Error: No space left on device." if code else "")
    assert "Traceback" not in done.stderr
