"""What a cloud tells of itself: where its services are and who gives tokens, as ``GET /metadata/endpoints``.

Azure's command line asks it of a cloud that it is told about (``az cloud register``); no specification has it.
"""

from __future__ import annotations

__all__ = ["PATH", "cloud_facts"]

PATH = "/metadata/endpoints"


def cloud_facts(base: str) -> dict[str, object]:
    """Return the facts of a cloud all of whose services that the emulator has are at one address."""
    return {
        "name": "AzureEmulator",
        "resourceManager": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "batch": "https://batch.core.windows.net/",
        "graph": "https://graph.windows.net/",
        "graphAudience": "https://graph.windows.net/",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "portal": "https://portal.azure.com",
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "storage": "core.windows.net",
        },
    }
