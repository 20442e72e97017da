"""Conditional headers. Source: Microsoft's page "Specifying conditional headers" of the Batch service."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.exchange import Request

__all__ = ["check_conditions"]

_TAGS, _TIMES = ("if-match", "if-none-match"), ("if-unmodified-since", "if-modified-since")
_PAIRS = (("if-match", "if-unmodified-since"), ("if-none-match", "if-modified-since"))
_READS = ("GET", "HEAD")
_NOT_MODIFIED = 304


def check_conditions(request: Request, tag: str, modified: float) -> None:
    """Refuse a request whose conditional header does not hold.

    :param modified: when the resource was last changed, in seconds since the epoch.
    :raises BatchProblem: ``ConditionNotMet``: 304 where somebody reads what has not changed, else 412.
    """
    given = [name for name in (*_TAGS, *_TIMES) if name in request.headers]
    if len(given) > 1 and tuple(given) not in _PAIRS:
        raise BatchProblem("MultipleConditionHeadersNotSupported")
    for name in given[:1]:  # of a pair, the entity tag counts
        if not _holds(name, request.headers[name], tag, modified):
            is_unchanged = request.verb in _READS and name in {"if-none-match", "if-modified-since"}
            raise BatchProblem("ConditionNotMet", status=_NOT_MODIFIED if is_unchanged else None)


def _holds(name: str, value: str, tag: str, modified: float) -> bool:
    if name in _TAGS:
        is_it = value.strip('"') in {"*", tag}
        return is_it is (name == "if-match")
    try:
        since = parsedate_to_datetime(value).timestamp()
    except ValueError:
        raise BatchProblem("InvalidHeaderValue", HeaderName=name, HeaderValue=value) from None
    return (int(modified) > since) is (name == "if-modified-since")
