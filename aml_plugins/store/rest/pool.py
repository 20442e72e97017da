"""The open connections to a server: by which proxy, and whose certificates are trusted."""

from __future__ import annotations

import os
import ssl
import threading
from typing import Any

import urllib3

from aml_plugins.errors import InvalidInputError

__all__ = ["Pool"]


class Pool:
    """Connections of one process; a fork opens its own. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: urllib3.PoolManager | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def opened(self) -> urllib3.PoolManager:
        """Return what requests are sent with.

        :raises InvalidInputError: where the environment names a certificate file that is not there.
        """
        with self._lock:
            if self._opened is None or self._pid != os.getpid():  # a parent's connections are not ours to use
                self._opened, self._pid = _new_pool(self._url), os.getpid()
            return self._opened

    def close(self) -> None:
        """Close what is open; the next request opens anew."""
        if self._opened is not None and self._pid == os.getpid():
            self._opened.clear()


def _new_pool(url: str) -> urllib3.PoolManager:
    options: dict[str, Any] = {"num_pools": 2, "maxsize": 16, **_tls()}
    proxy = _proxy(url)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _tls() -> dict[str, Any]:
    """Read the variables with which MLflow's own client is told whom to trust."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"1", "true"}:
        return {"cert_reqs": ssl.CERT_NONE}
    authority = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or os.environ.get("REQUESTS_CA_BUNDLE")
    client = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")
    found = {"ca_certs": authority, "cert_file": client}
    for name in filter(None, found.values()):
        if not os.path.isfile(name):  # noqa: PTH113  a string is what is kept
            raise InvalidInputError(f"The certificate file '{name}' does not exist.", "Correct the variable.")
    return {name: value for name, value in found.items() if value}


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for this server."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  costs 20 ms, seldom needed

    scheme, _, rest = url.partition("://")
    proxies = getproxies()
    chosen = proxies.get(scheme) or proxies.get("all")
    return None if proxy_bypass(rest.partition("/")[0]) else chosen
