"""A throw-away PostgreSQL server: own port, own directory, no durability, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.loopback import free_port
from services.starting import wait_until_started

__all__ = ["INSTALL", "PostgresqlServer", "find_programs", "running_server"]

_TOOL = Path(__file__).parents[2] / "tools" / "postgresql"
INSTALL = "tools/postgresql install"
_STOP_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
}


@dataclass
class PostgresqlServer:
    """A running server; its user ``postgres`` needs no password.

    :param begin: starts it on a port.
    """

    programs: Path
    port: int
    directory: Path
    begin: Callable[[int], subprocess.Popen[bytes]]

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, also again after :meth:`stop`: on the same port, with what was written."""
        self.process = self.begin(self.port)
        wait_until_started("PostgreSQL", self.process, self.directory / "log", self._answers)

    def stop(self) -> None:
        """End it at once, in the midst of what it does."""
        self.process.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown
        self.process.wait(timeout=_STOP_SECONDS)

    def _answers(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def uri(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Create a database, as a copy of another where one is named (nobody may be connected to that)."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def dump(self, database: str, path: Path) -> None:
        """Write the statements that make a database."""
        subprocess.run([self.programs / "pg_dump", "-f", path, self.uri(database)], check=True)

    def load(self, path: Path) -> str:
        """Create a database of what :meth:`dump` wrote, on this server or another."""
        name = self.create_database()
        command = [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path, self.uri(name)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            connection.execute(statement)


def find_programs() -> Path | None:
    """Return the directory of ``initdb`` and ``postgres``."""
    found = subprocess.run([_TOOL, "find"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@contextmanager
def running_server(
    programs: Path, variables: Mapping[str, str] | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresqlServer]:
    """Start a server and stop it at the end, or with the thread that started it.

    :param variables: of its environment, beside those that every server has.
    :param settings: in place of those that make tests fast.
    """
    directory = Path(tempfile.mkdtemp(prefix="aml-pg-"))
    identity = _identity()
    if identity:
        account = pwd.getpwnam(identity["user"])
        os.chown(directory, account.pw_uid, account.pw_gid)
    try:
        _initialise(programs, directory, identity)
        server = PostgresqlServer(
            programs,
            free_port(),
            directory,
            lambda port: _start(
                programs, directory, identity, variables or {}, {**_SETTINGS, **(settings or {}), "port": str(port)}
            ),
        )
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _identity() -> dict:
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _environment() -> dict:
    return {"HOME": tempfile.gettempdir(), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def _initialise(programs: Path, directory: Path, identity: dict) -> None:
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"]
    subprocess.run(
        [programs / "initdb", "-D", directory / "data", *options],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=directory,
        env=_environment(),
        **identity,
    )


def _start(
    programs: Path, directory: Path, identity: dict, variables: Mapping[str, str], settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    given = {**settings, "unix_socket_directories": str(directory)}
    arguments = [argument for key, value in given.items() for argument in ("-c", f"{key}={value}")]
    # A killed test process takes its server along.
    setpriv = shutil.which("setpriv")
    leash = [setpriv, "--pdeathsig", "QUIT"] if setpriv else []
    with (directory / "log").open("ab") as log:
        return subprocess.Popen(
            [*leash, programs / "postgres", "-D", directory / "data", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=_environment() | variables,
            **identity,
        )
