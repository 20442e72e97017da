"""What the target itself asks a Spark Connect server: whether it answers, and to end a session.

Two calls of ``spark.connect.SparkConnectService`` (Spark's ``connect/base.proto``). Their requests have three fields,
written here by hand: PySpark's own client, and the versions it needs, belong to the script's environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_backends.spark.address import endpoint, parameters
from aml_plugins.errors import BackendError, MissingExtraError, TransientBackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECONDS", "check_client", "end_session"]

SECONDS = 5.0
"""Patience with one call."""

_SERVICE = "/spark.connect.SparkConnectService"
_SESSION_ID, _USER_CONTEXT, _INTERRUPT_TYPE, _USER_ID = 1, 2, 4, 1
_ALL = bytes([_INTERRUPT_TYPE << 3, 1])
_NOT_METADATA = frozenset({"token", "use_ssl", "user_id", "user_agent", "session_id"})


def check_client() -> None:
    """Make sure that this side can end what a script begins.

    :raises MissingExtraError: where gRPC is not installed.
    """
    try:
        import grpc  # noqa: F401, PLC0415  light where plugins are looked at
    except ImportError:
        raise MissingExtraError("Spark Connect", "spark") from None


def end_session(address: str, token: str | None) -> None:
    """Interrupt every operation of a session and release it; one that is not there is fine.

    Releasing is known to servers from 4.0 on; of an older one's session, nothing runs after the interruption, and it
    goes when it has been idle.

    :param address: with ``session_id`` and ``user_id``.
    :raises TransientBackendError: where the server cannot be reached.
    :raises BackendError: where it refuses the token.
    """
    check_client()
    said = parameters(address)
    user = _field(_USER_CONTEXT, _field(_USER_ID, said.get("user_id", "").encode()))
    session = _field(_SESSION_ID, said["session_id"].encode()) + user
    with _channel(address, token) as channel:
        for method, request in (("Interrupt", session + _ALL), ("ReleaseSession", session)):
            _call(channel, method, request, address)


def _call(channel: Any, method: str, request: bytes, address: str) -> None:
    import grpc  # noqa: PLC0415

    metadata = [(name, value) for name, value in parameters(address).items() if name not in _NOT_METADATA]
    try:
        channel.unary_unary(f"{_SERVICE}/{method}")(request, timeout=SECONDS, metadata=metadata)
    except grpc.RpcError as error:
        server = "sc://{}:{}".format(*endpoint(address))
        if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
            raise TransientBackendError(
                f"The Spark Connect server {server} cannot be reached.",
                "Check that it runs, and the target's 'remote'.",
            ) from None
        if error.code() in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
            raise BackendError(
                f"The Spark Connect server {server} refuses access.", "Check the target's 'token'."
            ) from None
        # What else it says is that there is no such session, or that it is too old to know the call.


def _channel(address: str, token: str | None) -> Any:
    """Return a channel secured as PySpark's client secures its own (``DefaultChannelBuilder.toChannel``)."""
    import grpc  # noqa: PLC0415

    host, port = endpoint(address)
    said: Mapping[str, str] = parameters(address)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    uses_tls = said.get("use_ssl", "").lower() == "true"
    if token is None and not uses_tls:
        return grpc.insecure_channel(target)
    is_here = host == "localhost" and not uses_tls
    credentials = grpc.local_channel_credentials() if is_here else grpc.ssl_channel_credentials()
    if token is not None:
        credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(token))
    return grpc.secure_channel(target, credentials)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes as Protocol Buffers has it: key, length, content."""
    length, size = len(content), b""
    while length > 0x7F:  # noqa: PLR2004  seven bits a byte
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content
