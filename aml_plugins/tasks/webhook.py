"""The webhook notifier: each event as an HTTP POST, signed as standardwebhooks.com describes."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from aml_plugins._version import __version__
from aml_plugins.errors import AmlError, InvalidInputError
from aml_plugins.secrets import resolve_secrets
from aml_plugins.tasks.addresses import NoRedirect
from aml_plugins.tasks.messages import as_json, event_id
from aml_plugins.tasks.signatures import signature, signing_key

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

    from aml_plugins.store.records import TaskEvent

__all__ = ["Webhook", "WebhookSettings", "checked_host", "webhook_to"]

logger = logging.getLogger(__name__)

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which asking again may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How hard to try. Events are sent by whoever drives the run, so the limits are tight.

    :param timeout: seconds to wait for the connection, and for each part of the answer.
    :param pauses: seconds before each further try.
    :param rest: seconds in which a receiver that could not be reached is left alone.
    """

    timeout: float = 2.0
    pauses: Sequence[float] = (0.2, 0.8)
    rest: float = 60.0


class Webhook:
    """Sends events to one URL. Never raises; what cannot be sent is logged, without the URL's path or the secret.

    :raises InvalidInputError: for a URL that is not plain http or https, or a secret that cannot be resolved.
    """

    def __init__(
        self,
        url: str,
        secret: str = "",
        settings: WebhookSettings | None = None,
        *,
        opener: OpenerDirector | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._host = checked_host(url, "AML_WEBHOOK_URL")
        self._url = url
        self._key = signing_key(resolve_secrets({"AML_WEBHOOK_SECRET": secret})["AML_WEBHOOK_SECRET"])
        self._settings = settings or WebhookSettings()
        self._clock = clock
        self._sleep = sleep
        self._resting_until = 0.0
        self._opener = opener or build_opener(NoRedirect)

    def send(self, event: TaskEvent) -> bool:
        """Send an event; say whether the receiver took it."""
        if self._clock() < self._resting_until:
            logger.info("Event %s was not sent: %s could not be reached a moment ago.", event_id(event), self._host)
            return False
        body = as_json(event)
        trouble: str | None = None
        for pause in (0.0, *self._settings.pauses):
            if pause:
                self._sleep(pause)
            trouble, passing = self.post(event_id(event), body)
            if trouble is None:
                return True
            if not passing:
                break
        else:
            self._resting_until = self._clock() + self._settings.rest
        logger.warning("Event %s was not taken by the webhook at %s: %s.", event_id(event), self._host, trouble)
        return False

    @property
    def host(self) -> str:
        """Where it sends to, as it may be shown."""
        return self._host

    def post(self, message_id: str, body: bytes) -> tuple[str | None, bool]:
        """Post once; return what went wrong (None where it was taken), and whether it may pass."""
        request = Request(self._url, data=body, headers=self._headers(message_id, body), method="POST")  # noqa: S310  checked_host() lets http and https pass only
        try:
            with self._opener.open(request, timeout=self._settings.timeout):
                return None, False
        except HTTPError as error:
            error.close()
            return f"it answered {error.code}", error.code in _PASSING
        except (
            OSError,
            HTTPException,
            ValueError,
        ) as error:  # their texts may quote the URL, whose path may be a secret
            return _cause(error), True

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"aml-plugins/{__version__}",
            "Webhook-Id": message_id,
            "Webhook-Timestamp": timestamp,
        }
        if self._key:
            headers["Webhook-Signature"] = signature(self._key, message_id, timestamp, body)
        return headers


class _Nowhere:
    """Stands for a webhook whose settings are wrong: said once, not once an event."""

    def send(self, event: TaskEvent) -> bool:
        del event
        return False


@functools.cache
def webhook_to(url: str, secret: str) -> Webhook | _Nowhere:
    """Return the process's webhook for these settings, which remembers when its receiver was last missed."""
    try:
        return Webhook(url, secret)
    except AmlError as error:
        logger.warning("The webhook is not used: %s", error)
        return _Nowhere()


def checked_host(url: str, what: str) -> str:
    """Return the host of a URL that is plain http or https.

    :param what: what the URL is, for the error, which does not repeat it: its path may be a secret.
    :raises InvalidInputError: for any other.
    """
    fix = "Write http://HOST/PATH or https://HOST/PATH, without user name and password."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInputError(f"{what} is malformed.", fix) from None
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or not plain:
        raise InvalidInputError(f"{what} is no plain http or https URL.", fix)
    return f"{parts.hostname}:{port}" if port else parts.hostname


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, BaseException) else error
    return getattr(inner, "strerror", None) or type(inner).__name__
