"""The protocol by Microsoft's SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import (  # noqa: TID253  a leaf: imported when a target is first asked
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.mgmt.containerinstance import ContainerInstanceManagementClient  # noqa: TID253  as above

from aml_backends.aci.api import Body, RefusedError
from aml_backends.aci.config import AciConfig
from aml_plugins.errors import BackendError, TransientBackendError

__all__ = ["SdkAciApi"]

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_PASSING_CODES = frozenset({"ContainerGroupTransitioning", "ServiceUnavailable"})
_QUOTA = re.compile(r"Limit: '(?P<limit>[\d.]+)'.*Requested: '(?P<wanted>[\d.]+)'")
_QUOTA_PAUSE = 30.0
_FIXES = {
    "AuthorizationFailed": "Give the identity the role Contributor on the resource group.",
    "AuthenticationFailed": "Log in with: az login",
    "ResourceGroupNotFound": "Create the resource group, or correct the target's resource_group.",
    "InaccessibleImage": "Check the image's name, and the target's registry settings.",
    "ServiceUnavailable": "Choose another region.",
}


class SdkAciApi:
    """The container groups of one resource group."""

    def __init__(self, config: AciConfig) -> None:
        self._config = config
        credential = _credential(config.authority)
        # Waiting is the core's: a client that sleeps through Retry-After would hold up every other run.
        options: dict[str, Any] = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 60}
        endpoint = config.endpoint.rstrip("/")
        self._client = ContainerInstanceManagementClient(
            credential, config.subscription, base_url=endpoint, credential_scopes=[_scope(endpoint)], **options
        )

    def put_group(self, name: str, body: Body) -> None:
        content: Any = json.dumps(body).encode()
        with self._words(f"create container group '{name}'"):
            self._client.container_groups.begin_create_or_update(
                self._config.resource_group, name, content, polling=False
            )

    def get_group(self, name: str) -> Body | None:
        try:
            with self._words(f"show container group '{name}'"):
                return _json(self._client.container_groups.get(self._config.resource_group, name))
        except RefusedError as error:
            if error.reason in {"ResourceNotFound", "ContainerGroupNotFound"}:
                return None
            raise

    def list_groups(self) -> Iterator[Body]:
        with self._words("list container groups"):
            for group in self._client.container_groups.list_by_resource_group(self._config.resource_group):
                yield _json(group)

    def stop_group(self, name: str) -> None:
        with self._words(f"stop container group '{name}'"):
            self._client.container_groups.stop(self._config.resource_group, name)

    def delete_group(self, name: str) -> None:
        with self._words(f"delete container group '{name}'"):
            self._client.container_groups.begin_delete(self._config.resource_group, name, polling=False)

    def logs(self, name: str, container: str) -> str:
        with self._words(f"show the log of container group '{name}'"):
            found = self._client.containers.list_logs(self._config.resource_group, name, container)
            return found.content or ""

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _words(self, what: str) -> Iterator[None]:
        """Turn what Azure's client raises into sentences."""
        try:
            yield
        except (ServiceRequestError, ServiceResponseError) as error:
            raise TransientBackendError(
                f"Azure at {self._config.endpoint} cannot be reached: {_line(error)}.", "Check the network."
            ) from error
        except HttpResponseError as error:
            raise _refused(what, error) from error
        except AzureError as error:
            raise BackendError(f"Azure cannot {what}: {_line(error)}.") from error


def _refused(what: str, error: HttpResponseError) -> BackendError:
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return BackendError(f"There is no credential for Azure: {_line(error)}.", "Log in with: az login")
    status = error.status_code or 0
    code = str(error.error.code if error.error else "") or f"HTTP {status}"
    said = _line(error.error.message if error.error else error)
    passing = status in _PASSING or code in _PASSING_CODES
    text = f"Azure {'cannot ' + what + ' now' if passing else 'refused to ' + what}: {said} ({code})."
    if code == "ContainerGroupQuotaReached":
        return _quota(text, said)
    if passing:
        return TransientBackendError(text, retry_after=_retry_after(error))
    if isinstance(error, ResourceNotFoundError) and code.startswith("HTTP"):
        code = "ResourceNotFound"
    return RefusedError(text, _FIXES.get(code, ""), reason=code)


def _quota(text: str, said: str) -> BackendError:
    """A quota that others use up is free again some time; one that is too small never is."""
    match = _QUOTA.search(said)
    if match and float(match["wanted"]) <= float(match["limit"]):
        return TransientBackendError(text, "The run waits until others have ended.", retry_after=_QUOTA_PAUSE)
    return RefusedError(text, "Ask for less, or Azure for a higher quota.", reason="ContainerGroupQuotaReached")


def _credential(authority: str | None) -> Any:
    from azure.identity import DefaultAzureCredential

    if authority is None:
        return DefaultAzureCredential()
    return DefaultAzureCredential(authority=authority, disable_instance_discovery=True)


def _scope(endpoint: str) -> str:
    """Public Azure's, for an address that is not that of a sovereign cloud."""
    known = endpoint.endswith((".azure.com", ".azure.cn", ".usgovcloudapi.net", ".microsoftazure.de"))
    return f"{endpoint if known else 'https://management.azure.com'}/.default"


def _json(model: Any) -> Mapping[str, Any]:
    """Return what came over the wire; the SDK's own names are Python's."""
    found: Mapping[str, Any] = model.serialize(keep_readonly=True)
    return found


def _line(said: object) -> str:
    return str(said or "no reason given").splitlines()[0].rstrip(". ")[:500]


def _retry_after(error: HttpResponseError) -> float | None:
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None
