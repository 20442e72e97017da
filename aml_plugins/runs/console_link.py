"""The way from a run in MLflow's UI to its page in the console.

MLflow's UI shows a run's description as Markdown, links included, and tags as plain text: the description is where a
link works without changing MLflow's front end. The tag is for programs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["CONSOLE_TAG", "console_link_tags", "is_console_note"]

CONSOLE_TAG = "aml.console_url"
_NOTE = "mlflow.note.content"
_SERVER_URL = "AML_SERVER_URL"
_WORDS = "[Open in AML Plugins]("


def console_link_tags(store_uri: str, run: RunRecord) -> Mapping[str, str]:
    """Return the tags that lead to the run's page; none where no server is known that would show it.

    :param store_uri: where the run is kept; a server's address, or a database beside the server ``AML_SERVER_URL``.
    """
    server = store_uri if store_uri.startswith(("http://", "https://")) else os.environ.get(_SERVER_URL, "")
    base = _without_user(server)
    if base is None:
        return {}
    origin, prefix = base
    path = f"{prefix}/aml/workspaces/{quote(run.workspace, safe='')}/runs/{quote(run.run_id, safe='')}"
    # The link has no host: people may know the server by another name than the submitter does.
    return {CONSOLE_TAG: f"{origin}{path}", _NOTE: f"{_WORDS}{path})"}


def is_console_note(note: str) -> bool:
    """Say whether a description is our link and nothing else."""
    return note.startswith(_WORDS) and note.endswith(")") and "\n" not in note


def _without_user(url: str) -> tuple[str, str] | None:
    """Return a server's origin and path, without the user and password that its address may have."""
    found = urlsplit(url)
    host = found.netloc.rpartition("@")[2]
    if found.scheme not in {"http", "https"} or not host:
        return None
    return f"{found.scheme}://{host}", quote(found.path.rstrip("/"), safe="/%")
