# mypy: allow-untyped-calls
# MLflow's command line is not annotated.
"""Start MLflow's server with our app and our defaults; everything else is MLflow's own command."""

from __future__ import annotations

import configparser
import os
from collections.abc import MutableMapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aml_plugins.errors import InvalidInputError, MissingExtraError
from aml_plugins.home import aml_home
from aml_plugins.server.settings import AUTH, MONITOR, URL
from aml_plugins.store.opening import has_password, open_store, plain_uri

__all__ = ["check_authentication", "environment", "serve", "server_store_uri"]

_SECRET = "MLFLOW_FLASK_SERVER_SECRET_KEY"  # noqa: S105  a variable's name
_AUTH_FILE = "MLFLOW_AUTH_CONFIG_PATH"
_AUTH_CACHE_SECONDS = 30
_SQLITE = "sqlite:///"
_OF_THE_EXTRA = ("fastapi", "sse_starlette", "uvicorn")
"""What our routes import as the server starts, where nobody would get a sentence any more."""


def server_store_uri(uri: str) -> str:
    """Return the store as MLflow's server has to be told it.

    :raises InvalidInputError: for a store that is itself behind a server.
    """
    plain = plain_uri(uri)
    if plain.startswith(("http://", "https://")):
        raise InvalidInputError(
            "A server needs a database, not the address of another server.",
            "Give --store aml+sqlite:///FILE or aml+postgresql://….",
        )
    return f"aml+{plain}"


def environment(store_uri: str, *, host: str, port: int, with_auth: bool, monitor: bool) -> dict[str, str]:
    """Return what the server's processes are told: not as arguments, which every user of the machine sees."""
    return {
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        AUTH: "1" if with_auth else "0",
        MONITOR: "1" if monitor else "0",
        URL: os.environ.get(URL) or f"http://{_reachable(host)}:{port}",
        # MLflow's own job runner refuses our URIs; without this it says so at every start.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": os.environ.get("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"),
    }


def serve(
    store_uri: str, *, host: str, port: int, workers: int, with_auth: bool, monitor: bool, options: Sequence[str]
) -> None:
    """Run ``mlflow server`` in this process until it ends.

    :param options: more of its options, as on its command line.
    :raises AmlError: where the server could not work as it is asked to; nothing was started.
    """
    if any(find_spec(module) is None for module in _OF_THE_EXTRA):
        raise MissingExtraError("The server", "server")
    _prepare(os.environ, store_uri, host=host, port=port, with_auth=with_auth, monitor=monitor)
    if with_auth:
        check_authentication()
    _check_trace_rollups(store_uri)
    from mlflow.cli import cli

    arguments = ["server", "--app-name", "aml", "--enable-workspaces", "--host", host, "--port", str(port)]
    arguments += ["--workers", str(workers), *_artifacts(store_uri), *options]
    cli.main(arguments, prog_name="mlflow", standalone_mode=False)


def check_authentication() -> None:
    """Create MLflow's administrator where there is none, and say here what would end the server's workers one by one.

    :raises InvalidInputError: where something that authentication needs is missing.
    """
    from mlflow.exceptions import MlflowException

    try:
        from mlflow.server import auth

        auth.get_flask_server_secret_key()
        auth.bootstrap_admin_user()
    except ImportError:
        raise InvalidInputError("Authentication needs Flask-WTF.", "Run: pip install 'aml-plugins[server]'") from None
    except MlflowException as error:
        raise InvalidInputError(f"The server cannot ask who its users are: {error.message}") from None


def _check_trace_rollups(store_uri: str) -> None:
    """Refuse what MLflow's server refuses of a database that it knows by its URI: rollups that nobody keeps up.

    :raises InvalidInputError: where there are such rollups.
    """
    try:
        from mlflow.tracing.trace_rollup_service import validate_sql_trace_rollup_startup
    except ImportError:  # MLflow before 3.17
        return
    from mlflow.exceptions import MlflowException

    try:
        validate_sql_trace_rollup_startup(plain_uri(store_uri))
    except MlflowException as error:
        raise InvalidInputError(str(error.message), "") from None


def _prepare(
    variables: MutableMapping[str, str], store_uri: str, *, host: str, port: int, with_auth: bool, monitor: bool
) -> None:
    open_store(store_uri).close()  # says at once what is wrong with the database
    for client_only in ("MLFLOW_WORKSPACE", "MLFLOW_TRACKING_URI"):
        variables.pop(client_only, None)
    variables.update(environment(store_uri, host=host, port=port, with_auth=with_auth, monitor=monitor))
    if with_auth and _AUTH_FILE not in variables:
        variables[_AUTH_FILE] = str(_write_auth_file(store_uri))
    if with_auth and not variables.get(_SECRET):
        variables[_SECRET] = _secret_key()


def _write_auth_file(store_uri: str) -> Path:
    """Write MLflow's configuration of its authentication: users beside the runs, passwords checked once in a while."""
    if has_password(store_uri):
        raise InvalidInputError(
            "MLflow's authentication reads its database's URI from a file, and no file of ours may have a password.",
            f"Write the file yourself and name it in {_AUTH_FILE}, or give the password in PGPASSWORD or ~/.pgpass.",
        )
    plain: Any = plain_uri(store_uri)
    if plain.startswith(_SQLITE):
        plain = f"{_SQLITE}{Path(plain.removeprefix(_SQLITE)).with_suffix('.users.db')}"
    parser = configparser.ConfigParser(interpolation=None)
    parser["mlflow"] = {
        "default_permission": "READ",
        "database_uri": plain,
        "admin_username": "admin",
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": str(_AUTH_CACHE_SECONDS),
    }
    path = _server_directory() / "basic_auth.ini"
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
    return path


def _secret_key() -> str:
    """Return the key that signs MLflow's sign-up form; made once, and kept where only its owner reads it."""
    path = _server_directory() / "secret_key"
    if not path.is_file():
        partial = path.with_name(f".secret_key.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
        partial.replace(path)
    return path.read_text(encoding="utf-8")


def _server_directory() -> Path:
    directory = aml_home() / "server"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _artifacts(store_uri: str) -> list[str]:
    """Serve the artifacts that are there: those of runs that were made without a server."""
    if os.environ.get("MLFLOW_ARTIFACTS_DESTINATION"):
        return []
    plain = plain_uri(store_uri)
    directory = Path(plain.removeprefix(_SQLITE)).parent if plain.startswith(_SQLITE) else aml_home()
    return ["--artifacts-destination", str(directory.absolute() / "artifacts")]


def _reachable(host: str) -> str:
    """Return an address of this machine for one that means all of them."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
        import socket  # noqa: PLC0415  seldom needed

        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
