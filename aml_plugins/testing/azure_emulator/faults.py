"""What goes wrong on purpose."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aml_plugins.errors import InvalidInputError

__all__ = ["KINDS", "Fault", "Faults"]

KINDS = ("throttle", "busy", "error", "slow", "repeat", "drop")
_STATUS = {"throttle": 429, "busy": 503, "error": 500}


@dataclass
class Fault:
    """One thing that goes wrong, ``count`` times.

    :param kind: ``throttle`` (429), ``busy`` (503), ``error`` (500), ``slow`` (``seconds`` of delay), ``repeat`` (the
        request is delivered twice), ``drop`` (it is done, and the answer lost).
    :param verb: only for this verb; empty for all. Likewise ``path``, which is to be part of the request's.
    :param count: how often; -1 for ever.
    :param seconds: of delay, or of ``Retry-After``.
    """

    kind: str
    verb: str = ""
    path: str = ""
    count: int = 1
    seconds: float = 1.0
    used: int = field(default=0)

    @property
    def status(self) -> int | None:
        """The status that is answered, None where the request goes on."""
        return _STATUS.get(self.kind)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``KIND[,verb=POST][,path=/jobs][,count=3][,seconds=2]``.

        :raises InvalidInputError: where it is not that.
        """
        kind, *rest = text.split(",")
        values = dict(part.partition("=")[::2] for part in rest)
        unknown = set(values) - {"verb", "path", "count", "seconds"}
        if kind not in KINDS or unknown:
            raise InvalidInputError(
                f"'{text}' is no fault.",
                f"Write KIND,verb=POST,path=/jobs,count=3,seconds=2; kinds: {', '.join(KINDS)}.",
            )
        try:
            count, seconds = int(values.pop("count", "1")), float(values.pop("seconds", "1"))
        except ValueError:
            raise InvalidInputError(f"'{text}' has a count or seconds that are no numbers.") from None
        return cls(kind, values.get("verb", ""), values.get("path", ""), count, seconds)


class Faults:
    """The faults that are waiting for their request. Safe to use from any thread."""

    def __init__(self, faults: list[Fault] | None = None) -> None:
        self._faults = list(faults or ())
        self._lock = threading.Lock()

    def add(self, kind: str, **values: Any) -> Fault:
        """Make something go wrong from now on; see :class:`Fault`."""
        fault = Fault(kind=kind, **values)
        if kind not in KINDS:
            raise InvalidInputError(f"'{kind}' is no kind of fault.", f"Kinds: {', '.join(KINDS)}.")
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._faults.clear()

    def due(self, verb: str, path: str) -> Fault | None:
        """Return the fault for a request, counted as used."""
        with self._lock:
            for fault in self._faults:
                if fault.verb in {"", verb} and fault.path in path and fault.used != fault.count:
                    fault.used += 1
                    return fault
        return None

    def shown(self) -> list[Mapping[str, Any]]:
        """Return all faults as plain values."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def wait(seconds: float) -> None:
    """Be slow."""
    time.sleep(seconds)
