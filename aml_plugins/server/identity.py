"""Who is asking. Without authentication everybody is the same caller, who may do everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["ANYBODY", "Door", "Identity", "OpenDoor"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller that was let in.

    :param name: the user's name; empty where nobody is asked for one.
    :param user_id: MLflow's number of the user; None where nobody is asked.
    :param is_admin: may do everything, everywhere.
    """

    name: str = ""
    user_id: int | None = None
    is_admin: bool = False


ANYBODY = Identity(is_admin=True)


class Door(Protocol):
    """Lets callers in, or not."""

    def identify(self, request: HTTPConnection) -> Identity | None:
        """Return who is asking, None for a stranger. May block: it looks into a database."""
        ...


class OpenDoor:
    """The door of a server without authentication."""

    def identify(self, request: HTTPConnection) -> Identity | None:
        """Let everybody in."""
        del request
        return ANYBODY
