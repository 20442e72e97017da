"""The routes that are in force: read from ``routes.json`` whenever it changes."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from .upstream import Upstream

__all__ = ["Table"]


class Table:
    """Deployments, their shares of the requests, and who may call.

    :param directory: where ``routes.json`` is, or will be.
    """

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "routes.json")
        self.upstreams: dict[str, Upstream] = {}
        self.in_flight: dict[str, int] = {}
        """Requests under way by deployment, wherever that answered when they came."""
        self.weights: dict[str, int] = {}
        self.keys: list[str] | None = None
        self.version = -1
        self.content: dict[str, Any] = {}
        self._credit: dict[str, float] = {}
        self._seen: Any = None

    def choose(self) -> str | None:
        """Return the deployment whose turn it is: each gets its share of any hundred requests."""
        if not self.weights:
            return None
        for key, weight in self.weights.items():
            self._credit[key] = self._credit.get(key, 0.0) + weight
        chosen = max(self.weights, key=lambda key: self._credit[key])
        self._credit[chosen] -= sum(self.weights.values())
        return chosen

    def look(self) -> None:
        """Read the routes where they are news.

        :raises OSError, ValueError: where there are none that can be read; those of before stay.
        """
        status = os.stat(self.path)
        seen = (status.st_mtime_ns, status.st_ino)
        if seen == self._seen:
            return
        with open(self.path, encoding="utf-8") as file:
            wanted = json.load(file)
        routes = wanted.get("routes", [])
        for route in routes:
            known = self.upstreams.get(route["key"])
            address = (route.get("host", "127.0.0.1"), route["port"])
            if known is None or known.address != address:
                self.upstreams[route["key"]] = Upstream(*address)
                if known is not None:
                    known.close()
        self.weights = {route["key"]: route["weight"] for route in routes if route["weight"] > 0}
        self._credit = {key: self._credit.get(key, 0.0) for key in self.weights}
        self.keys = wanted.get("keys")
        self.version, self.content, self._seen = wanted["version"], wanted, seen

    def digests(self) -> dict[str, str]:
        """Return what tells these routes and keys from others."""
        return {part: _digest(self.content.get(part)) for part in ("routes", "keys")}

    def forget_idle(self) -> list[str]:
        """Forget deployments that get no requests and have none; return those that still have some."""
        without = [key for key in self.upstreams if key not in self.weights]
        for key in without:
            if not self.in_flight.get(key):
                self.upstreams.pop(key).close()
                self.in_flight.pop(key, None)
        return sorted(key for key in without if key in self.upstreams)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
