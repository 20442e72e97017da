"""What people call a run and what belongs to it: text that every database, file and terminal can hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.runs.submission import Submission

__all__ = ["check_names"]

RUN_ID = re.compile(r"[0-9a-f]{32}")
NAME_CHARACTERS = 250
# PostgreSQL's text has no NUL; a lone surrogate is what Python makes of an argument or a path that is not UTF-8.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def check_names(wanted: Submission) -> None:
    """Check experiment, display name, key, tags and parent of a submission.

    :raises InvalidInputError: for the first that cannot be.
    """
    _check_text("the experiment's name", wanted.experiment)
    if not wanted.experiment.strip() or len(wanted.experiment) > NAME_CHARACTERS:
        raise InvalidInputError(f"An experiment's name has 1 to {NAME_CHARACTERS} characters.", "Give it another name.")
    _check_text("the run's name", wanted.name or "")
    _check_text("the idempotency key", wanted.idempotency_key or "")
    for key, value in wanted.configuration.tags.items():
        _check_text("a tag", f"{key}={value}")
    if wanted.parent_run_id is not None and not RUN_ID.fullmatch(wanted.parent_run_id):
        raise InvalidInputError(
            f"'{wanted.parent_run_id}' is not a run id.", "A run id has 32 hexadecimal digits; see: aml run list"
        )


def _check_text(what: str, text: str) -> None:
    if not isinstance(text, str):
        raise InvalidInputError(f"{text!r} cannot be {what}.", "Give it as text.")
    if _NO_TEXT.search(text):
        shown = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
        raise InvalidInputError(f"'{shown}' cannot be {what}: it is not UTF-8 text.", "Choose another.")
