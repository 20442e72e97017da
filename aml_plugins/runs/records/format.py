"""The records file, version 1.

Every record has ``v`` (1), ``w`` (the writer: one process), ``n`` (1, 2, 3 … for each writer: what was seen once is
never applied again), ``t`` (milliseconds since the epoch), ``run`` (an MLflow run id) and ``op``:

=============  ====================================  ===========================================================
``op``         fields                                meaning
=============  ====================================  ===========================================================
``log``        ``name, values, step``                one or more values of a metric; ``step`` may be null
``rows``       ``name, columns, rows``               rows of a table
``chart``      ``name, kind, path``                  an uploaded file that is an image or a chart in JSON
``files``      ``paths``                             uploaded files: their copies are ``uploads/RUN/PATH``
``tags``       ``set``                               tags; null is a tag without a value
``untag``      ``names``                             tags to take off
``properties`` ``set``                               properties, set once
``display``    ``name, description``                 either or both
``child``      ``child, key, name``                  a new child of ``run``; its id follows from ``run`` and ``key``
``status``     ``status``                            ``Running``, ``Completed``, ``Failed`` or ``Canceled`` (children)
``error``      ``error``                             what ``run.fail`` was told: ``code``, ``message``, ``debug_…``
``model``      ``name, path, tags``                  a model to register once the run has ended
=============  ====================================  ===========================================================

A value is a number, a text, true, false, null, or ``{"f": "nan" | "inf" | "-inf"}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

__all__ = ["MAX_LINE", "VERSION", "Cell", "Record", "child_run_id", "number", "parse_line"]

VERSION = 1
MAX_LINE = 4 * 1024 * 1024
MAX_TIME = 4_102_444_800_000
"""The year 2100: later times are nonsense, and MLflow would keep them."""

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=10_000)]
RunId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Step: TypeAlias = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Labels: TypeAlias = Annotated[dict[str, str | None], Field(max_length=1000)]


class NonFinite(BaseModel):
    """A number that JSON has not."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    f: Literal["nan", "inf", "-inf"]


Cell: TypeAlias = bool | int | float | str | NonFinite | None


class _Record(BaseModel):
    """What all records have. Unknown fields are ignored: a newer script may say more."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)
    v: Literal[1]
    w: Annotated[str, Field(min_length=1, max_length=64)]
    n: Annotated[int, Field(ge=1, lt=2**63)]
    t: Annotated[int, Field(ge=0, lt=MAX_TIME)]
    run: RunId


class Log(_Record):
    """Values of one metric."""

    op: Literal["log"]
    name: Name
    values: list[Cell]
    step: Step | None = None


class Rows(_Record):
    """Rows of a table."""

    op: Literal["rows"]
    name: Name
    columns: Annotated[list[str], Field(max_length=10_000)]
    rows: list[list[Cell]]


class Chart(_Record):
    """An uploaded image, or chart in JSON."""

    op: Literal["chart"]
    name: Name
    kind: Annotated[str, Field(max_length=100)]
    path: Annotated[str, Field(max_length=1000)]


class Files(_Record):
    """Uploaded files."""

    op: Literal["files"]
    paths: list[Annotated[str, Field(max_length=1000)]]


class Tags(_Record):
    """Tags to set."""

    op: Literal["tags"]
    set: Labels


class Untag(_Record):
    """Tags to take off."""

    op: Literal["untag"]
    names: Annotated[list[str], Field(max_length=1000)]


class Properties(_Record):
    """Properties to add."""

    op: Literal["properties"]
    set: Labels


class Display(_Record):
    """How the run is shown."""

    op: Literal["display"]
    name: str | None = None
    description: str | None = None


class Child(_Record):
    """A new child of ``run``."""

    op: Literal["child"]
    child: RunId
    key: Annotated[str, Field(min_length=1, max_length=1000)]
    name: str | None = None


class Status(_Record):
    """State of a child."""

    op: Literal["status"]
    status: Literal["Running", "Completed", "Failed", "Canceled"]


class Error(_Record):
    """What ``run.fail`` was told."""

    op: Literal["error"]
    error: dict[str, Any]


class Model(_Record):
    """A model to register."""

    op: Literal["model"]
    name: Name
    path: Annotated[str, Field(min_length=1, max_length=1000)]
    tags: Labels = Field(default_factory=dict)


Record: TypeAlias = Log | Rows | Chart | Files | Tags | Untag | Properties | Display | Child | Status | Error | Model

_ADAPTER: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="op")])


def parse_line(line: bytes) -> Record | str:
    """Return the record of one line, or what is wrong with it in words."""
    if len(line) > MAX_LINE:
        return f"a line of {len(line)} bytes is longer than {MAX_LINE}"
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:4])
        return f"{first['msg'][:200]}{f' at {where[:100]}' if where else ''}: {line[:80].decode('utf-8', 'replace')!r}"


def number(cell: Cell) -> float | None:
    """Return the number that MLflow can draw, None for anything else."""
    if isinstance(cell, NonFinite):
        return float(cell.f)
    if isinstance(cell, (bool, int, float)):
        try:
            return float(cell)
        except OverflowError:
            return None
    return None


def plain(cell: Cell) -> bool | int | float | str | None:
    """Return the value as strict JSON keeps it: numbers that JSON has not become words."""
    if isinstance(cell, NonFinite):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[cell.f]
    return cell


def child_run_id(parent: str, key: str) -> str:
    """Return the id that a child of ``parent`` must have: no script can name a run that is not its own."""
    return hashlib.sha256(f"aml-child\0{parent}\0{key}".encode("utf-8", "replace")).hexdigest()[:32]


def text_of(error: Mapping[str, Any], field: str) -> str:
    """Return one field of an error as text."""
    value = error.get(field)
    return value if isinstance(value, str) else ""
