"""Whom a workspace notifies of its tasks: webhooks, kept in its settings. Secrets are references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.names import check_name
from aml_plugins.runs.states import RunState
from aml_plugins.secrets import is_reference
from aml_plugins.suggestions import did_you_mean
from aml_plugins.workspaces.settings import change_settings, settings

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import TaskEvent

__all__ = [
    "FORMS",
    "STATES",
    "Notification",
    "add_notification",
    "find_notification",
    "notifications",
    "remove_notification",
]

FORMS = ("standard", "slack")
"""``standard``: the event as JSON with a ``text`` for people. ``slack``: the ``text`` alone."""
STATES = tuple(state.value for state in RunState)

_KEY = "notifications"
_MOST = 20
_SECRET_PATHS = ("hooks.slack.com", "discord.com", "webhook.office.com", "logic.azure.com")
"""Hosts whose URLs are secrets: whoever knows one may post there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A webhook of a workspace.

    :param url: ``http`` or ``https``, or a secret's reference, for URLs that are secrets themselves.
    :param secret: the reference of the secret that signs what is sent; empty for none.
    :param states: tell only of changes to these states; all events where it is empty.
    :param kinds: tell only of tasks of these kinds, such as ``run``; of all where it is empty.
    :param form: a word of :data:`FORMS`.
    """

    name: str
    url: str
    secret: str = ""
    states: Sequence[str] = ()
    kinds: Sequence[str] = ()
    form: str = "standard"

    @property
    def place(self) -> str:
        """Where it goes, as it may be shown: the path of a URL can be a secret."""
        if is_reference(self.url):
            return self.url
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{'/…' if parts.path.strip('/') else ''}"

    def wants(self, event: TaskEvent) -> bool:
        """Say whether it tells of an event."""
        if self.kinds and event.kind not in self.kinds:
            return False
        return not self.states or event.new in self.states


def notifications(found: JsonObject) -> Sequence[Notification]:
    """Return those in a workspace's settings; what cannot be read is left out."""
    listed = found.get(_KEY)
    read = [_read(entry) for entry in listed] if isinstance(listed, list) else []
    return [entry for entry in read if entry is not None]


def add_notification(store: Store, workspace: str, wanted: Notification) -> None:
    """Notify somebody from now on.

    :raises InvalidInputError: for a setting that cannot be right, and for a secret that is no reference.
    :raises AlreadyExistsError: where the name is taken.
    """
    _check(wanted)

    def added(found: JsonObject) -> JsonObject:
        there = notifications(found)
        if any(entry.name == wanted.name for entry in there):
            raise AlreadyExistsError(
                f"The workspace '{workspace}' has a notification '{wanted.name}' already.",
                f"Choose another name, or remove it with: aml workspace notify remove {wanted.name}",
            )
        if len(there) >= _MOST:
            raise InvalidInputError(f"A workspace has {_MOST} notifications at most.", "Remove one first.")
        return {**found, _KEY: [_written(entry) for entry in (*there, wanted)]}

    change_settings(store, workspace, added)


def remove_notification(store: Store, workspace: str, name: str) -> None:
    """Notify somebody no more; what was not sent yet is dropped.

    :raises NotFoundError: where there is none of this name.
    """
    find_notification(store, workspace, name)

    def removed(found: JsonObject) -> JsonObject:
        return {**found, _KEY: [_written(entry) for entry in notifications(found) if entry.name != name]}

    change_settings(store, workspace, removed)


def find_notification(store: Store, workspace: str, name: str) -> Notification:
    """Return one by its name.

    :raises NotFoundError: where there is none of this name.
    """
    there = {entry.name: entry for entry in notifications(settings(store, workspace))}
    if name not in there:
        raise NotFoundError(
            f"The workspace '{workspace}' has no notification '{name}'.{did_you_mean(name, there)}",
            "Look at: aml workspace notify list",
        )
    return there[name]


def _written(entry: Notification) -> dict[str, Any]:
    return {**asdict(entry), "states": list(entry.states), "kinds": list(entry.kinds)}


def _read(entry: Any) -> Notification | None:
    if not isinstance(entry, Mapping):
        return None
    known = {name: entry[name] for name in Notification.__dataclass_fields__ if name in entry}
    try:
        return Notification(**known)
    except TypeError:
        return None


def _check(wanted: Notification) -> None:
    check_name("notification", wanted.name)
    if not is_reference(wanted.url):
        from aml_plugins.tasks.webhook import checked_host  # noqa: PLC0415  urllib, for those who set a URL only

        host = checked_host(wanted.url, "The URL").partition(":")[0]
        if any(host == secret or host.endswith(f".{secret}") for secret in _SECRET_PATHS):
            raise InvalidInputError(
                f"A URL of {host} is a secret: whoever knows it may post there.",
                "Keep it in a secret store and give its reference: secret://env/NAME.",
            )
    if wanted.secret and not is_reference(wanted.secret):
        raise InvalidInputError(
            "The signing secret is no reference; values are kept nowhere.", "Write secret://env/NAME."
        )
    unknown = [state for state in wanted.states if state not in STATES]
    if unknown:
        raise InvalidInputError(f"'{unknown[0]}' is no state.{did_you_mean(unknown[0], STATES)}", "See: aml run list")
    if wanted.form not in FORMS:
        raise InvalidInputError(f"'{wanted.form}' is no form.", f"Known are: {', '.join(FORMS)}.")
