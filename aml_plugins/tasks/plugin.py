"""The notifiers that come with us: an ordinary plugin that observes tasks.

Every event goes to the log, to the file ``AML_TASK_LOG`` where that is set, and to ``AML_WEBHOOK_URL`` where that is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aml_plugins.hookspecs import hookimpl
from aml_plugins.tasks.log import append_event, log_event

if TYPE_CHECKING:
    from aml_plugins.store.records import TaskEvent

__all__ = ["aml_task_event"]


@hookimpl
def aml_task_event(event: TaskEvent) -> None:
    """Tell the log, the file and the webhook; none of them raises."""
    log_event(event)
    path = os.environ.get("AML_TASK_LOG")
    if path:
        append_event(path, event)
    url = os.environ.get("AML_WEBHOOK_URL")
    if url:
        from aml_plugins.tasks.webhook import webhook_to  # noqa: PLC0415  urllib, for those who set a URL only

        webhook_to(url, os.environ.get("AML_WEBHOOK_SECRET", "")).send(event)
