"""The part of IoT Hub's service API that this backend uses, as a narrow protocol of plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aml_plugins.errors import BackendError

__all__ = ["HubApi", "RefusedError"]

Body = Mapping[str, Any]


class RefusedError(BackendError):
    """The hub said no.

    :param reason: its error code, such as ``DeviceNotFound``.
    """

    def __init__(self, what: str, fix: str = "", *, reason: str = "") -> None:
        super().__init__(what, fix)
        self.reason = reason


class HubApi(Protocol):
    """Each method is one request, except for queries of many pages.

    Errors: :class:`RefusedError`, and ``TransientBackendError`` for throttling, outages and what the network does.
    """

    def module_twin(self, device: str, module: str) -> Body | None: ...

    def apply(self, device: str, modules: Body) -> None: ...

    def get_configuration(self, name: str) -> Body | None: ...

    def put_configuration(self, name: str, body: Body) -> bool:
        """Create one; False where it is there."""
        ...

    def delete_configuration(self, name: str) -> None: ...

    def query(self, text: str) -> Sequence[Body]: ...

    def call(self, device: str, module: str, method: str, payload: Any) -> Any:
        """Call a direct method; return what it answers, None where the device is not connected."""
        ...

    def close(self) -> None: ...
