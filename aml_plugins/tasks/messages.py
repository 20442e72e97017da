"""A task's event as the message that leaves this process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aml_plugins.json_types import JsonObject

if TYPE_CHECKING:
    from aml_plugins.store.records import TaskEvent

__all__ = ["as_json", "event_id", "message_of", "text_of"]


def event_id(event: TaskEvent) -> str:
    """Return an id that is the same each time the event is told, and no other event's in any store."""
    identity = json.dumps([event.workspace, event.task_id, event.sequence, event.time])
    return f"evt_{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def message_of(event: TaskEvent) -> JsonObject:
    """Return the event as JSON: id, type, time, a text that chats show (Slack's word), all else below ``data``."""
    return {
        "id": event_id(event),
        "type": "aml.task.event",
        "timestamp": datetime.fromtimestamp(event.time, UTC).isoformat(),
        "text": text_of(event),
        "data": asdict(event),
    }


def text_of(event: TaskEvent) -> str:
    """Return the event as a sentence for people, on one line."""
    moved = f": {event.new}" if event.new else ""
    progress = f" ({event.progress:.0%})" if event.progress is not None else ""
    words = " ".join(event.message.split())
    return f"{event.kind} {event.subject} in {event.workspace}{moved}{progress}{f': {words}' if words else ''}"


def as_json(event: TaskEvent) -> bytes:
    """Return :func:`message_of` as one line."""
    return json.dumps(message_of(event), ensure_ascii=False, separators=(",", ":")).encode()
