"""For backends that start the runner on this machine: a process that belongs to nobody here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from aml_plugins.errors import BackendError

__all__ = ["start_detached"]

# The shell ends at once and is waited for; what it started is then nobody's child here: no zombie, no signal from
# our terminal, and our end does not touch it. Forking ourselves would be unsafe beside other threads.
_DETACH = '"$@" &'


def start_detached(
    command: Sequence[str],
    directory: Path,
    variables: Mapping[str, str],
    *,
    log_name: str = "runner.log",
    inherited: Sequence[int] = (),
) -> None:
    """Start a command that outlives this process.

    :param variables: added to this process's own environment; secrets travel here and nowhere else.
    :param inherited: open file descriptors that it gets.
    :raises BackendError: where no process can be started.
    """
    try:
        with (directory / log_name).open("ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", _DETACH, "sh", *command],
                cwd=directory,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=tuple(inherited),
                check=True,
            )
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise BackendError(
            f"The runner of job '{directory.name}' cannot be started: {reason}.",
            "Check the limits on processes and memory of this account.",
        ) from None
