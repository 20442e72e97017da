"""The protocol by Microsoft's SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import (  # noqa: TID253  a leaf: imported when a target is first asked
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.mgmt.containerinstance import ContainerInstanceManagementClient  # noqa: TID253  as above

from aml_backends.aci.api import Body, RefusedError
from aml_backends.aci.config import AciConfig
from aml_backends.azure.resources import BUSY, client_options, first_line, in_words
from aml_plugins.errors import BackendError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

__all__ = ["SdkAciApi"]

_PASSING_CODES = frozenset({"ContainerGroupTransitioning", "ServiceUnavailable"})
_QUOTA = re.compile(r"Limit: '(?P<limit>[\d.]+)'.*Requested: '(?P<wanted>[\d.]+)'")
_QUOTA_PAUSE = 30.0
_FIXES = {
    "AuthorizationFailed": "Give the identity the role Contributor on the resource group.",
    "AuthenticationFailed": "Log in with: az login",
    "ResourceGroupNotFound": "Create the resource group, or correct the target's resource_group.",
    "SubscriptionNotFound": "Correct the target's subscription; yours are listed by: az account list",
    "InvalidSubscriptionId": "Correct the target's subscription; yours are listed by: az account list",
    "InaccessibleImage": "Check the image's name, and the target's registry settings.",
    "ServiceUnavailable": "Choose another region.",
}


class SdkAciApi:
    """The container groups of one resource group."""

    def __init__(self, config: AciConfig) -> None:
        self._config = config
        options = client_options(config.endpoint, config.authority)
        self._client = ContainerInstanceManagementClient(subscription_id=config.subscription, **options)

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
            if error.is_missing:
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
        """Turn what Azure's client raises into sentences; a refusal keeps its code."""
        with in_words(f"the resource group '{self._config.resource_group}'"):
            try:
                yield
            except HttpResponseError as error:
                if error.response is None:  # nobody was asked: there is no credential
                    raise
                raise _refused(what, error) from error


def _refused(what: str, error: HttpResponseError) -> BackendError:
    status = error.status_code or 0
    code = str(error.error.code if error.error else "") or f"HTTP {status}"
    said = first_line(error.error.message if error.error else error) or "no reason given"
    passing = status in BUSY or code in _PASSING_CODES
    text = f"Azure {'cannot ' + what + ' now' if passing else 'refused to ' + what}: {said} ({code})."
    if code == "ContainerGroupQuotaReached":
        return _quota(text, said)
    if passing:
        return TransientBackendError(text, retry_after=seconds_asked(getattr(error.response, "headers", None)))
    if isinstance(error, ResourceNotFoundError) and code.startswith("HTTP"):
        code = "ResourceNotFound"
    return RefusedError(text, _FIXES.get(code, ""), reason=code)


def _quota(text: str, said: str) -> BackendError:
    """A quota that others use up is free again some time; one that is too small never is."""
    match = _QUOTA.search(said)
    if match and float(match["wanted"]) <= float(match["limit"]):
        return TransientBackendError(text, "The run waits until others have ended.", retry_after=_QUOTA_PAUSE)
    return RefusedError(text, "Ask for less, or Azure for a higher quota.", reason="ContainerGroupQuotaReached")


def _json(model: Any) -> Mapping[str, Any]:
    """Return what came over the wire; the SDK's own names are Python's."""
    found: Mapping[str, Any] = model.serialize(keep_readonly=True)
    return found
