"""Where a run's source came from, in MLflow's own tags."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from aml_plugins.errors import InvalidInputError

__all__ = ["check_directory", "source_tags"]

GIT_SECONDS = 5.0


def check_directory(directory: Path) -> None:
    """Make sure that there is such a directory, and that it may be looked at.

    :raises InvalidInputError: otherwise.
    """
    fix = "Name the directory that has the script."
    try:
        if stat.S_ISDIR(directory.stat().st_mode):
            return
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidInputError(f"The source directory '{directory}' does not exist.", fix) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInputError(f"The source directory '{directory}' cannot be read: {reason}.", fix) from None
    raise InvalidInputError(f"The source directory '{directory}' is not a directory.", fix)


def source_tags(directory: Path, script: str) -> dict[str, str]:
    """Return MLflow's source tags, with the git commit where ``directory`` is in a working tree."""
    tags = {"mlflow.source.name": script, "mlflow.source.type": "PROJECT"}
    commit = git_commit(directory)
    if commit:
        tags["mlflow.source.git.commit"] = commit
    return tags


def git_commit(directory: Path) -> str | None:
    """Return the commit of the enclosing working tree, None where there is none; reads files, starts no process.

    Submitting is fast, and starting git costs more than the rest of it; ``git`` itself answers for the rare layouts
    (packed references, worktrees) that one look does not settle.
    """
    folder = os.fspath(directory.absolute())
    while not os.path.exists(f"{folder}/.git"):  # noqa: PTH110  asked for each run
        folder, below = os.path.dirname(folder), folder  # noqa: PTH120  as above
        if folder == below:
            return None
    return _head(Path(folder, ".git")) or _ask_git(Path(folder))


def _head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head or None
        return (git / head.removeprefix("ref: ")).read_text().strip() or None
    except OSError:
        return None


def _ask_git(folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
