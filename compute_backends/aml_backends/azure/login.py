"""Azure's own credential, where settings name no other: environment, managed identity, ``az login`` and so on."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["default_credential", "service_principal"]

# It warns at length of each way that did not work: who asks says so in a sentence, and who configured logging hears it.
logging.getLogger("azure.identity").addHandler(logging.NullHandler())

_PUBLIC_CLOUDS = (".microsoftonline.com", ".microsoftonline.us", ".chinacloudapi.cn", ".microsoftonline.cn")


def default_credential(authority: str | None = None) -> TokenCredential:
    """Return azure-identity's default credential. Nothing is asked before the first token is needed.

    :param authority: host that gives tokens; by default ``AZURE_AUTHORITY_HOST``, else Azure's public one.
    :raises InvalidInputError: where the variables of the environment cannot be anybody's.
    """
    from azure.identity import DefaultAzureCredential

    from aml_backends.azure.credential import Login  # noqa: PLC0415  it imports azure-core

    given = {"authority": authority} if authority else {}
    return Login(DefaultAzureCredential, disable_instance_discovery=_is_private(authority), **given)


def service_principal(tenant: str, client: str, secret: str) -> TokenCredential:
    """Return the credential of a service principal, at the authority that the environment names."""
    from azure.identity import ClientSecretCredential

    from aml_backends.azure.credential import Login  # noqa: PLC0415  it imports azure-core

    private = _is_private()
    return Login(ClientSecretCredential, tenant, client, secret, disable_instance_discovery=private)


def _is_private(authority: str | None = None) -> bool:
    host = authority or os.environ.get("AZURE_AUTHORITY_HOST", "")
    host = host.removeprefix("https://").partition("/")[0].partition(":")[0]
    # The public directory of authorities knows nothing of a private cloud's, and cannot be reached from it.
    return bool(host) and not f".{host}".endswith(_PUBLIC_CLOUDS)
