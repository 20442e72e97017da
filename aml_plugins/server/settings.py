"""What the server is told by its environment: workers are processes of their own, which inherit nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aml_plugins.errors import InvalidInputError

__all__ = ["API_PREFIX", "AUTH", "CONSOLE_PREFIX", "MONITOR", "ServerSettings"]

API_PREFIX = "/api/2.0/aml"
CONSOLE_PREFIX = "/aml"

AUTH = "AML_SERVER_AUTH"
MONITOR = "AML_SERVER_MONITOR"
URL = "AML_SERVER_URL"
UPLOAD_LIMIT = "AML_SERVER_UPLOAD_LIMIT"
DIRECTORIES = "AML_SERVER_DIRECTORIES"

# MLflow's server hands its command line on to its workers in these.
_STORE_URI = "_MLFLOW_SERVER_FILE_STORE"
_STATIC_PREFIX = "_MLFLOW_STATIC_PREFIX"

_SCRIPT_USER = {
    "MLFLOW_TRACKING_USERNAME": "AML_SCRIPT_USERNAME",
    "MLFLOW_TRACKING_PASSWORD": "AML_SCRIPT_PASSWORD",
    "MLFLOW_TRACKING_TOKEN": "AML_SCRIPT_TOKEN",
}
"""The user as whom scripts log that the server itself started; those that a client drives log as that client."""

_MEBIBYTE = 1 << 20
_DEFAULT_UPLOAD_LIMIT = 10_240
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Settings of one server.

    :param store_uri: the database, ``aml+sqlite:///…`` or ``aml+postgresql://…``.
    :param with_auth: MLflow's users and roles stand in front of everything.
    :param monitor: drive runs that nobody waits for.
    :param url: how scripts on compute targets reach this server; None where nobody said.
    :param static_prefix: what MLflow's ``--static-prefix`` puts before every path.
    :param upload_limit: bytes of the largest file that is taken.
    :param directories: where registered directories may lie that are served.
    """

    store_uri: str
    with_auth: bool = False
    monitor: bool = True
    url: str | None = None
    static_prefix: str = ""
    upload_limit: int = _DEFAULT_UPLOAD_LIMIT * _MEBIBYTE
    directories: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls) -> ServerSettings:
        """Read the settings.

        :raises InvalidInputError: for a value that cannot be read, and where the process is no MLflow server.
        """
        return cls(
            store_uri=_store_uri(),
            with_auth=_flag(AUTH, default=False),
            monitor=_flag(MONITOR, default=True),
            url=os.environ.get(URL) or None,
            static_prefix=os.environ.get(_STATIC_PREFIX, "").rstrip("/"),
            upload_limit=_mebibytes(UPLOAD_LIMIT, _DEFAULT_UPLOAD_LIMIT),
            directories=tuple(Path(name).resolve() for name in os.environ.get(DIRECTORIES, "").split(":") if name),
        )

    def script_access(self) -> dict[str, str]:
        """Return the variables with which a script that the server started logs to it; empty where it cannot."""
        user = {name: os.environ[given] for name, given in _SCRIPT_USER.items() if os.environ.get(given)}
        if self.url is None or (self.with_auth and not user):
            return {}
        return {"MLFLOW_TRACKING_URI": self.url + self.static_prefix, **user}


def _store_uri() -> str:
    uri = os.environ.get(_STORE_URI, "")
    if not uri.startswith(("aml+sqlite:", "aml+postgresql:", "aml+postgres:")):
        raise InvalidInputError(
            "The app 'aml' needs a database with our tables as MLflow's backend store.",
            "Start it with: aml server, or mlflow server --app-name aml --backend-store-uri aml+sqlite:///FILE "
            "(or aml+postgresql://…).",
        )
    return uri


def _flag(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _YES:
        return True
    if value.strip().lower() in _NO:
        return False
    raise InvalidInputError(f"{name} is {value!r}, which is neither yes nor no.", "Set it to 1 or 0.")


def _mebibytes(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or int(value) == 0:
        raise InvalidInputError(f"{name} is {value!r}, not a number of mebibytes.", f"Set it to, say, {default}.")
    return int(value) * _MEBIBYTE
