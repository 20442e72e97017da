"""What backends share that create things with Azure Resource Manager: ids, clients, marks, errors in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aml_backends.azure.login import default_credential
from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

__all__ = ["BUSY", "ResourceId", "client_options", "first_line", "has_marks", "in_words", "marks"]

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)
BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR,
                   HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})  # fmt: skip
_PUBLIC = "https://management.azure.com"
_CLOUDS = (".azure.com", ".azure.cn", ".usgovcloudapi.net", ".microsoftazure.de")


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The parts of ``/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/TYPE/NAME``."""

    subscription: str
    group: str
    type: str
    name: str

    @classmethod
    def parse(cls, text: str, resource_type: str) -> ResourceId:
        """Read an id.

        :param resource_type: what it must be the id of, such as ``Microsoft.HDInsight/clusters``.
        :raises ValueError: where it is not.
        """
        match = _ID.fullmatch(text)
        if match is None or match["type"].lower() != resource_type.lower():
            raise ValueError(f"must be /subscriptions/ID/resourceGroups/GROUP/providers/{resource_type}/NAME")
        return cls(**match.groupdict())


def client_options(endpoint: str, authority: str | None) -> dict[str, Any]:
    """Return what Microsoft's management clients are made with, credential included. Asks nobody.

    :param endpoint: where Azure Resource Manager is.
    :param authority: host that gives tokens; None for Azure's public one.
    """
    endpoint = endpoint.rstrip("/")
    audience = endpoint if endpoint.endswith(_CLOUDS) else _PUBLIC
    return {
        "credential": default_credential(authority),
        "base_url": endpoint,
        "credential_scopes": [f"{audience}/.default"],
        "retry_total": 0,  # waiting is the core's
        "connection_timeout": 10,
        "read_timeout": 60,
    }


def marks(workspace: str, target: str) -> dict[str, str]:
    """Return the tags by which a compute target knows again what it created."""
    return {"aml-workspace": workspace, "aml-target": target}


def has_marks(tags: Mapping[str, str] | None, workspace: str, target: str) -> bool:
    """Say whether something has the tags of this compute target."""
    return all((tags or {}).get(name) == value for name, value in marks(workspace, target).items())


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn what Azure's clients raise into sentences; ``ResourceNotFoundError`` passes.

    :param what: what was asked about, such as ``the cluster 'prod'``.
    """
    from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError:
        raise
    except HttpResponseError as error:
        raise _in_words(what, error) from None
    except AzureError as error:
        raise TransientBackendError(f"Azure cannot be reached: {first_line(error)}.") from None


def _in_words(what: str, error: Any) -> BackendError:
    from azure.core.exceptions import ClientAuthenticationError

    if error.status_code in BUSY:  # who gives tokens may be busy, too
        asked = seconds_asked(getattr(error.response, "headers", None))
        return TransientBackendError(f"Azure is busy: {first_line(error)}.", retry_after=asked)
    if isinstance(error, ClientAuthenticationError):
        return BackendError(
            f"Azure does not know who asks for {what}: {first_line(error)}.",
            "Run: az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
        )
    return BackendError(f"Azure refuses {what}: {first_line(error)}.")


def first_line(said: object) -> str:
    """Return the beginning of what an error says: Azure's texts go on for pages."""
    return str(said or "").partition("\n")[0][:300].rstrip(". ")
