"""azure-identity's credentials, which tell a login that is down from one that does not know who asks.

A chain of credentials forgets what the one that failed was told: a login that is busy for a second, or out of reach,
then looks like a wrong password, and would end runs that go on all the while. So who sends the requests remembers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (  # noqa: TID253  a leaf: imported when somebody logs in
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
)
from azure.core.pipeline.transport import RequestsTransport  # noqa: TID253  as above

from aml_backends.azure.resources import BUSY
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo

__all__ = ["Login"]

_METADATA_SERVICE = "http://169.254.169.254/"
"""Where a machine of Azure's has its identity. Elsewhere nothing answers there, and nothing is wrong with that."""
_FAILED = "Authentication failed"
_PASSING = BUSY | {HTTPStatus.GONE}
"""Answers after which to ask again. A metadata service that is being updated is "gone" (source: Microsoft's page on
managed identities on a VM)."""


class _Witness(RequestsTransport):  # type: ignore[misc]  # azure-core exports it at run time only
    """Sends requests, and remembers in each thread what kept the last one from an answer."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = threading.local()

    def forget(self) -> None:
        self._seen.trouble = None

    @property
    def trouble(self) -> AzureError | None:
        found: AzureError | None = getattr(self._seen, "trouble", None)
        return found

    def send(self, request: Any, **options: Any) -> Any:
        try:
            answer = super().send(request, **options)
        except AzureError as error:
            self._seen.trouble = None if request.url.startswith(_METADATA_SERVICE) else error
            raise
        self._seen.trouble = HttpResponseError(response=answer) if answer.status_code in _PASSING else None
        return answer


class Login:
    """Gives tokens of one of azure-identity's credentials.

    :param kind: which credential; it takes what follows.
    :raises InvalidInputError: where that cannot be anybody's.
    """

    def __init__(self, kind: Callable[..., Any], *given: str, **options: Any) -> None:
        self._witness = _Witness()
        try:
            # Waiting is the core's: it would sleep for minutes, and hold up every other run.
            self._credential = kind(*given, transport=self._witness, retry_total=0, **options)
        except ValueError as error:
            raise InvalidInputError(
                f"Nobody can log in to Azure like this: {str(error).partition('.')[0]}.",
                "Correct AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or unset them all.",
            ) from None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token, as Azure's clients ask for it."""
        with self._told():
            token: AccessToken = self._credential.get_token(*scopes, **options)
            return token

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        """Return a token, as Azure's newer clients ask for it."""
        with self._told():
            token: AccessTokenInfo = self._credential.get_token_info(*scopes, options=options)
            return token

    def close(self) -> None:
        """Close the connections."""
        self._credential.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        self._witness.forget()
        try:
            yield
        except ClientAuthenticationError as error:
            trouble = self._witness.trouble
            raise (_short(error) if trouble is None else trouble) from None


def _short(error: ClientAuthenticationError) -> ClientAuthenticationError:
    """Return the error with the one line that says who was not let in, where somebody was not."""
    line = next((line.strip() for line in str(error.message).splitlines() if _FAILED in line), None)
    return ClientAuthenticationError(message=line, response=error.response) if line else error
