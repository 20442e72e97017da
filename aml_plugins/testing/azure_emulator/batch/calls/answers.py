"""The shapes of Batch's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.queries import matcher, page, selected
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import http_time
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["asked_again", "created", "done", "listed", "shown", "tagged", "there"]


def tagged(resource: Resource) -> dict[str, str]:
    """Return the headers that say which version of a resource this is."""
    if "eTag" not in resource.body:
        return {}
    return {"ETag": str(resource.body["eTag"]), "Last-Modified": http_time(resource.modified)}


def created(account: Account, resource: Resource, place: str | None = None) -> Answer:
    """Answer that a resource is there now.

    :param place: its path as the service tells it, where that is not the resource's own.
    """
    url = f"{account.endpoint}{place}" if place else str(resource.body["url"])
    return Answer(201, None, {**tagged(resource), "Location": url, "DataServiceId": url})


def done(account: Account, request: Request, resource: Resource, status: int) -> Answer:
    """Answer that something was done to a resource; what was asked, action and all, is told again."""
    return Answer(status, None, {**tagged(resource), **asked_again(account, request)})


def there(resource: Resource) -> Answer:
    """Answer that a resource is there, and no more."""
    return Answer(200, None, tagged(resource))


def asked_again(account: Account, request: Request) -> dict[str, str]:
    """Return the header that repeats the URL of a request."""
    return {"DataServiceId": f"{account.endpoint}{request.raw_path}"}


def shown(
    account: Account, request: Request, kind: str, resource: Resource, body: Mapping[str, Any] | None = None
) -> Answer:
    """Answer with one resource."""
    whole = resource.body if body is None else body
    select = request.query.get("$select")
    return Answer(
        200,
        {"odata.metadata": f"{account.endpoint}/$metadata#{kind}/@Element", **selected(whole, select)},
        tagged(resource),
    )


def listed(
    account: Account, request: Request, kind: str, bodies: Sequence[Mapping[str, Any]], name: str = "id"
) -> Answer:
    """Answer with one page of a list; ``name`` is the property that orders it."""
    wanted = matcher(request.query.get("$filter"), kind)
    found, token = page([body for body in bodies if wanted(body)], request.query, name)
    select = request.query.get("$select")
    value = [selected(body, select) for body in found]
    answer: dict[str, Any] = {"odata.metadata": f"{account.endpoint}/$metadata#{kind}", "value": value}
    if token is not None:
        answer["odata.nextLink"] = _next(account, request, token)
    return Answer(200, answer)


def _next(account: Account, request: Request, token: str) -> str:
    """Repeat what shaped this page; clients send the link as it stands."""
    kept = [(name, value) for name, value in request.pairs if name != "$skiptoken"]
    pairs = [*kept, ("$skiptoken", token)]
    query = "&".join(f"{quote(name, safe='$-')}={quote(value, safe=':')}" for name, value in pairs)
    return f"{account.endpoint}{request.raw_path}?{query}"
