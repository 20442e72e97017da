"""One machine: a pooled connection, a few sessions on it, and patience with outages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from aml_backends.ssh.config import Host, SshConfig
from aml_backends.ssh.connection import connect
from aml_backends.ssh.session import LostError, Session
from aml_plugins.errors import BackendError, TransientBackendError

if TYPE_CHECKING:
    import asyncssh

__all__ = ["Machine"]

T = TypeVar("T")

SESSIONS = 6
"""At a time; sshd allows 10 on a connection by default."""
RETRY_SECONDS = (0.5, 30.0)
"""First and longest pause between two tries to connect, in which callers are told what the last try said."""


class Machine:
    """Used in one event loop at a time. Connects when first asked; asking again after an outage connects anew."""

    def __init__(self, config: SshConfig, host: Host, scope: str, secret: Callable[[str], str]) -> None:
        self.host = host
        self._config = config
        self._scope = scope
        self._secret = secret
        self._reset()

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the machine's answer to a question."""
        return await self.use(lambda session: session.ask(message))

    async def use(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do work that may be done twice: a session that was idle may have died unnoticed.

        :raises TransientBackendError: where the machine cannot be reached, now or in the middle.
        :raises RefusedError: where it does not let us in; :raises HostKeyError: where it is not whom we expect.
        """
        if self._process != os.getpid():
            self._reset()
        async with self._places:
            while self._idle:
                session = self._idle.pop()
                if session.is_alive:
                    with contextlib.suppress(*_lost()):
                        return await self._use(session, work)
            try:
                return await self._use(await self._new_session(), work)
            except _lost() as error:
                raise self._cut(error) from None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection to close; a fork has none of its own."""
        return self._connection is not None and self._process == os.getpid()

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        connection = self._forget()
        if connection is not None and self._process == os.getpid():
            connection.close()

    def _reset(self) -> None:
        """Begin anew; also in a fork, to which the connection does not belong."""
        self._process = os.getpid()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._idle: list[Session] = []
        self._places = asyncio.Semaphore(SESSIONS)
        self._connecting = asyncio.Lock()
        self._failure: BackendError | None = None
        self._retry_at = 0.0
        self._pause = RETRY_SECONDS[0]

    def _forget(self) -> asyncssh.SSHClientConnection | None:
        connection = self._connection
        self._connection = None
        self._idle = []
        return connection

    def _drop(self) -> None:
        """Let go of a connection that cannot be relied on; others that are in the middle of a question ask again."""
        connection = self._forget()
        if connection is not None:
            connection.abort()

    async def _use(self, session: Session, work: Callable[[Session], Awaitable[T]]) -> T:
        try:
            result = await work(session)
        except BaseException as error:
            session.close()  # nobody knows how far it is
            if isinstance(error, _lost()):
                self._drop()
            raise
        self._idle.append(session)
        return result

    async def _new_session(self) -> Session:
        """Start a session; on a new connection where the one that we have has died."""
        had_one = self._connection is not None
        try:
            return await Session.open(await self._connected(), self._config, self._scope)
        except _lost():
            self._drop()
            if not had_one:
                raise
        return await Session.open(await self._connected(), self._config, self._scope)

    async def _connected(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is not None and not self._connection.is_closed():
                return self._connection
            self._drop()
            if self._failure is not None and time.monotonic() < self._retry_at:
                raise type(self._failure)(self._failure.what, self._failure.fix)
            try:
                self._connection = await connect(self._config, self.host, self._secret)
            except BackendError as error:
                self._put_off(error)
                raise
            self._failure, self._pause = None, RETRY_SECONDS[0]
            return self._connection

    def _put_off(self, error: BackendError) -> None:
        self._failure = error
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, RETRY_SECONDS[1])

    def _cut(self, error: BaseException) -> TransientBackendError:
        reason = str(error) or "it does not answer"
        return TransientBackendError(
            f"The connection to '{self.host.label}' was lost: {reason}.", "It is made again by itself."
        )


def _lost() -> tuple[type[Exception], ...]:
    """Return what a cut connection raises."""
    import asyncssh  # noqa: PLC0415  0.3 s

    return (LostError, asyncssh.Error, OSError)
