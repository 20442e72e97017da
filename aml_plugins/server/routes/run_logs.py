"""Logs of running runs, from drivers on machines where the server cannot look."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from aml_plugins.errors import InvalidInputError, LeaseLostError
from aml_plugins.runs.states import RunState
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.log_spool import LogSpool
from aml_plugins.server.models.values import Strict
from aml_plugins.server.serving import Server, server_of

__all__ = ["router", "spool_of"]

router = APIRouter(route_class=GuardedRoute, tags=["runs"])

LONGEST_PIECE = 4 << 20


class LogPiece(Strict):
    """Bytes of a run's log, base64, that begin at ``offset``; ``owner`` holds the run's lease.

    ``generation`` says which start of the attempt's job they are of, where its target begins jobs anew.
    """

    owner: Annotated[str, Field(max_length=1000)]
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)]
    offset: Annotated[int, Field(ge=0, le=2**53)]
    data: Annotated[str, Field(max_length=LONGEST_PIECE)]
    generation: Annotated[int, Field(ge=0, le=2**53)] = 0


class LogSize(Strict):
    """How many bytes of the log the server has."""

    size: int


@router.post("/workspaces/{workspace}/runs/{run_id}/log", response_model=LogSize)
def append_log(request: Request, workspace: str, run_id: str, body: LogPiece) -> Response:
    """Show people what a run prints; the same piece sent twice is shown once. It is gone when the run has ended."""
    server = server_of(request)
    run = server.store.runs.get(workspace, run_id)
    if RunState(run.state).is_terminal or run.attempt != body.attempt or run.lease_owner != body.owner:
        raise LeaseLostError(f"The run '{run.run_id}' has ended, or somebody else drives it.", "Read it again.")
    data = _decoded(body.data)
    size = spool_of(server).append(run.run_id, run.attempt, body.offset, data, generation=body.generation)
    return json_reply({"size": size})


def spool_of(server: Server) -> LogSpool:
    """Return where this server keeps such logs."""
    return LogSpool(server.context.home / "server" / "logs")


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError("The piece of log is not base64.", "Encode it as RFC 4648 has it.") from None
