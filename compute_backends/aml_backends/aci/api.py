"""The part of Azure Container Instances that this backend uses, as a narrow protocol of plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from aml_plugins.errors import BackendError

__all__ = ["AciApi", "RefusedError"]

Body = Mapping[str, Any]


class RefusedError(BackendError):
    """Azure said no.

    :param reason: its error code, such as ``ResourceNotFound``.
    """

    def __init__(self, what: str, fix: str = "", *, reason: str = "") -> None:
        super().__init__(what, fix)
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        """Whether there is no such group."""
        return self.reason in {"ResourceNotFound", "ContainerGroupNotFound"}


class AciApi(Protocol):
    """Each method is one request; it does not wait for what Azure goes on doing.

    Errors: :class:`RefusedError`, and ``TransientBackendError`` for throttling, outages and what the network does.
    """

    def put_group(self, name: str, body: Body) -> None: ...

    def get_group(self, name: str) -> Body | None: ...

    def list_groups(self) -> Iterator[Body]: ...

    def stop_group(self, name: str) -> None: ...

    def delete_group(self, name: str) -> None: ...

    def logs(self, name: str, container: str) -> str: ...

    def close(self) -> None: ...
