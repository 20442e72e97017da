"""The kinds of values that requests are made of, each with its bounds."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "Count",
    "Digest",
    "ErrorAnswer",
    "Identifier",
    "JsonMapping",
    "Moment",
    "Name",
    "Page",
    "Prose",
    "RunId",
    "Short",
    "Strict",
    "printable",
]

T = TypeVar("T")

_LATEST = 1e11
_LARGEST = 2**31 - 1


def printable(value: str) -> str:
    """Refuse control characters: a name is shown in lines and lists."""
    if not value.isprintable():
        raise ValueError("there must be no control characters")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(printable)]
"""Any short text on one line."""
Short = Annotated[str, Field(max_length=255), AfterValidator(printable)]
"""The same, or nothing."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="a-z, 0-9, '-' and '_'")]
"""The name of a thing of ours."""
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Prose = Annotated[str, Field(max_length=100_000)]
"""Text of any kind; the database keeps as much of it as it can."""
Moment = Annotated[float, Field(ge=0, le=_LATEST, allow_inf_nan=False, description="Seconds since the epoch, UTC.")]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
JsonMapping = Annotated[dict[str, Any], Field(description="A JSON object.")]


class Strict(BaseModel):
    """A body with nothing in it that nobody reads."""

    model_config = ConfigDict(extra="forbid")


class ErrorAnswer(Strict):
    """Every failure: a stable code, what is wrong, what to do."""

    error_code: str
    message: str
    fix: str


class Page(Strict, Generic[T]):
    """Part of a list; ``next_page_token`` is null on the last page."""

    items: list[T]
    next_page_token: str | None
