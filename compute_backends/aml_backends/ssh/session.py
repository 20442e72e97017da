"""One Python on the machine that answers questions, one after the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aml_backends.ssh.program import OLD_PYTHON, program, start_command
from aml_backends.ssh.remote.wire import BLOCK, LENGTH, LONGEST_FRAME, READY, pack
from aml_plugins.errors import BackendError

if TYPE_CHECKING:
    import asyncssh

    from aml_backends.ssh.config import SshConfig

__all__ = ["LostError", "Session"]

ANSWER_SECONDS = 60.0
"""Between two signs of life in the middle of an answer; a cut connection may stay silent for ever."""
_LONGEST_PREAMBLE = 1 << 20


class LostError(Exception):
    """The connection was cut; all questions may be asked again."""


class Session:
    """Where an answer is not read to its end, or an exception was raised, the session is of no use any more."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process

    @classmethod
    async def open(cls, connection: asyncssh.SSHClientConnection, config: SshConfig, scope: str) -> Session:
        """Start a Python on the machine.

        :raises BackendError: where there is none that would do.
        """
        process = await connection.create_process(start_command(config.python), encoding=None)
        session = cls(process)
        try:
            await session._begin(program(config.directory, scope), config)
        except BaseException:
            session.close()
            raise
        return session

    @property
    def is_alive(self) -> bool:
        """Whether nothing is known of its end."""
        return not self._process.is_closing() and self._process.exit_status is None

    def close(self) -> None:
        self._process.close()

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a question."""
        await self.send([pack(message)])
        return await self.read()

    async def send(self, blocks: Iterable[bytes]) -> None:
        for block in blocks:
            self._process.stdin.write(block)
            await _soon(self._process.stdin.drain())

    async def read(self) -> dict[str, Any]:
        """Return the next message."""
        (size,) = LENGTH.unpack(await self._exactly(LENGTH.size))
        if size > LONGEST_FRAME:
            raise LostError("it says something else than it should")
        answer = json.loads(await self._exactly(size))
        if not isinstance(answer, dict):
            raise LostError("it says something else than it should")
        return answer

    async def read_raw(self, size: int) -> AsyncIterator[bytes]:
        """Yield announced bytes."""
        while size:
            data = await self._exactly(min(size, BLOCK))
            size -= len(data)
            yield data

    async def _begin(self, text: bytes, config: SshConfig) -> None:
        with suppress(OSError):  # it has ended already: what it said tells why
            self._process.stdin.write(text)
        said = b""
        while not said.endswith(READY):
            data = await _soon(self._process.stdout.read(1 << 16))
            said += data
            if not data or len(said) > _LONGEST_PREAMBLE:
                raise await self._no_python(config)

    async def _no_python(self, config: SshConfig) -> Exception:
        complaint = (await _soon(self._process.stderr.read(4096))).decode("utf-8", "replace").strip()
        if self._process.exit_status is None and not complaint:
            return LostError("the connection was cut")
        last = complaint.splitlines()[-1] if complaint else "it said nothing"
        if OLD_PYTHON in complaint:
            last = "it is older than 3.8"
        return BackendError(
            f"The Python '{config.python}' cannot be used on the machine: {last}.",
            "Set the target's 'python' to the path of CPython 3.8 or newer there.",
        )

    async def _exactly(self, size: int) -> bytes:
        try:
            data: bytes = await _soon(self._process.stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            raise LostError("the connection was cut") from None
        return data


async def _soon(work: Awaitable[Any]) -> Any:
    async with asyncio.timeout(ANSWER_SECONDS):
        return await work
