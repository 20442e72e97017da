"""Opening a connection: who we are, who they are, and what went wrong in words."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_backends.ssh.config import Host, SshConfig
from aml_backends.ssh.trust import HostKeyCheck
from aml_plugins.errors import AmlError, BackendError, MissingExtraError, TransientBackendError

if TYPE_CHECKING:
    import asyncssh

__all__ = ["RefusedError", "connect"]

KEEPALIVE_SECONDS = 15
KEEPALIVES_UNANSWERED = 3
# The machine's own processor does this one in hardware.
FASTEST_CIPHER = "^aes128-gcm@openssh.com"

Secret = Callable[[str], str]


class RefusedError(BackendError):
    """The machine does not let us in."""

    code = "ssh_refused"


async def connect(config: SshConfig, host: Host, secret: Secret) -> asyncssh.SSHClientConnection:
    """Connect to a machine, through the jump host where there is one.

    :param secret: returns the value of a reference; asked now, and nothing of it is kept.
    :raises TransientBackendError: where it cannot be reached now.
    :raises RefusedError: where it does not let us in; :raises HostKeyError: where it is not whom we expect.
    """
    if config.jump is None:
        return await _open(config, host, secret, None)
    tunnel = await _open(config, config.jump, secret, None)
    try:
        connection = await _open(config, host, secret, tunnel)
    except BaseException:
        tunnel.abort()
        raise
    _close_with(connection, tunnel)
    return connection


async def _open(
    config: SshConfig, host: Host, secret: Secret, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    import asyncssh  # noqa: PLC0415  0.3 s

    check = HostKeyCheck(config, host)
    # Secret stores answer over a network, and keys with a passphrase are slow to open on purpose.
    identity = await asyncio.to_thread(_identity, config, host, secret)
    options: dict[str, Any] = {**identity, "known_hosts": check.known_hosts()}
    if config.fingerprint:
        options["server_host_key_algs"] = "default"
    try:
        return await asyncssh.connect(
            host.name,
            host.port,
            config=None,  # one target means the same to whoever drives its runs
            tunnel=tunnel,
            client_factory=lambda: _client(check),
            connect_timeout=config.connect_timeout,
            login_timeout=config.connect_timeout * 2,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVES_UNANSWERED,
            encryption_algs=FASTEST_CIPHER,
            agent_forwarding=False,
            **options,
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
        raise check.refusal() from None
    except asyncssh.PermissionDenied:
        raise _not_let_in(config, host) from None
    except (asyncssh.Error, OSError) as error:
        raise _unreachable(host, error) from None


def _client(check: HostKeyCheck) -> asyncssh.SSHClient:
    import asyncssh  # noqa: PLC0415  it is loaded by now

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            del host, addr, port
            return check.accepts(key)

    return Client()


def _identity(config: SshConfig, host: Host, secret: Secret) -> dict[str, Any]:
    """Return who we are: what the target names, else the user's own keys and agent as ``ssh`` would take them."""
    options: dict[str, Any] = {"username": host.user} if host.user else {}
    if config.password:
        options["password"] = secret(config.password)
    if config.key or config.key_file:
        options |= {"client_keys": [_private_key(config, secret)], "agent_path": None}
    elif config.password:
        options |= {"client_keys": None, "agent_path": None}
    return options


def _private_key(config: SshConfig, secret: Secret) -> asyncssh.SSHKey:
    import asyncssh  # noqa: PLC0415  it is loaded by now

    name = config.key or config.key_file or ""
    passphrase = secret(config.passphrase) if config.passphrase else None
    try:
        text = secret(config.key) if config.key else Path(name).expanduser().read_text(encoding="utf-8")
        # Secret stores and environment variables like to swallow the last line break.
        return asyncssh.import_private_key(f"{text.strip()}\n", passphrase)
    except OSError as error:
        raise RefusedError(f"The key file '{name}' cannot be read: {error.strerror}.", "Set key_file.") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise _bad_key(name, str(error)) from None


def _bad_key(name: str, said: str) -> AmlError:
    """Tell what is wrong with a key without saying anything of it."""
    if "bcrypt" in said:
        return MissingExtraError("A private key in OpenSSH's own format with a passphrase", "ssh")
    if "assphrase" in said or "decrypt" in said:
        return RefusedError(f"The private key '{name}' has a passphrase that is not the given one.", "Set passphrase.")
    return RefusedError(f"'{name}' holds no private key.", "It has to hold the key's text, all lines of it.")


def _not_let_in(config: SshConfig, host: Host) -> RefusedError:
    tried = "the password" if config.password else f"the key '{config.key or config.key_file}'"
    if not (config.key or config.key_file or config.password):
        tried = "the keys of this user and of the SSH agent"
    user = f"'{host.user}'" if host.user else "the local user's name"
    return RefusedError(
        f"'{host.label}' does not let {user} in with {tried}.", "Check user, key, key_file and password of the target."
    )


def _unreachable(host: Host, error: BaseException) -> TransientBackendError:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror):
        reason = "its name is not known"
    elif isinstance(error, TimeoutError):
        reason = "it does not answer"
    elif number:  # asyncio's own words are a call and an address
        reason = os.strerror(number)
    else:
        reason = (
            getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
        )
    return TransientBackendError(
        f"The machine '{host.label}' cannot be reached: {reason}.", "Check that it runs and that its SSH port is open."
    )


def _close_with(connection: asyncssh.SSHClientConnection, tunnel: asyncssh.SSHClientConnection) -> None:
    """Close the way when what it was for is closed."""

    async def follow() -> None:
        await connection.wait_closed()
        tunnel.close()

    task = asyncio.ensure_future(follow())
    tunnel.set_extra_info(aml_follower=task)  # tasks that nobody holds may vanish
