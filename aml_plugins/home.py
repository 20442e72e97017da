"""Where things are: the home directory, the store and the workspace (design.md, section 6)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from aml_plugins.errors import InvalidInputError

__all__ = [
    "CONFIG_FILE",
    "aml_home",
    "configured",
    "home_id",
    "make_home",
    "resolve_store_uri",
    "resolve_workspace",
    "write_config",
]

CONFIG_FILE = Path(".aml") / "config.yaml"
_KEYS = ("store", "workspace")
_DEFAULT_WORKSPACE = "default"
_SQLITE_PREFIXES = ("sqlite:///", "aml+sqlite:///")
# An MLflow tracking URI may also be a directory or Databricks: nothing that could hold our tables.
_DATABASES = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
_STORE_SCHEMES = ("aml+", "sqlite", "postgres", "mysql", "mssql", "http://", "https://")


def aml_home() -> Path:
    """Return the directory of caches, staging and the default database; it may not exist yet."""
    configured = os.environ.get("AML_HOME")
    return Path(configured).expanduser().absolute() if configured else Path.home() / ".aml"


def home_id(home: Path) -> str:
    """Return a name that no other home directory has; made on first use, and kept in it."""
    with suppress(FileNotFoundError, NotADirectoryError), open(f"{home}/id", "rb", 0) as file:  # noqa: PTH123  each run's
        return file.read().decode()
    path = home / "id"
    make_home(home)
    with _sentence(home):
        partial = home / f".id.{uuid.uuid4().hex}"
        partial.write_text(uuid.uuid4().hex, encoding="utf-8")
        with suppress(FileExistsError):  # another process was faster
            os.link(partial, path)
        partial.unlink()
        return path.read_text(encoding="utf-8")


def make_home(home: Path) -> None:
    """Make the directory where it is missing.

    :raises InvalidInputError: where it cannot be made, or is no directory.
    """
    with _sentence(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _sentence(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInputError(
            f"The home directory '{home}' cannot be used: {error.strerror}.",
            "Set AML_HOME to a directory in which your user may write.",
        ) from None


def resolve_store_uri(explicit: str | None = None) -> str:
    """Return the store to use; a relative SQLite path becomes absolute.

    Asked in this order: the argument, ``AML_STORE_URI``, ``MLFLOW_TRACKING_URI`` where it can be a store, the nearest
    ``.aml/config.yaml`` upwards from the working directory (a path there is relative to the directory that has it),
    a file in :func:`aml_home`.
    """
    given = explicit or os.environ.get("AML_STORE_URI") or _tracking_uri()
    if given:
        return _absolute(given, Path.cwd())
    path = _find_config()
    stored = _read_config(path).get("store") if path else None
    if path and stored:
        return _absolute(stored, path.parent.parent)
    return f"aml+sqlite:///{aml_home() / 'aml.db'}"


def resolve_workspace(explicit: str | None = None) -> str:
    """Return the workspace to use: argument, ``AML_WORKSPACE``, ``MLFLOW_WORKSPACE``, config file, ``default``."""
    given = explicit or os.environ.get("AML_WORKSPACE") or os.environ.get("MLFLOW_WORKSPACE")
    if given:
        return given
    path = _find_config()
    stored = _read_config(path).get("workspace") if path else None
    return stored or _DEFAULT_WORKSPACE


def configured(directory: Path) -> tuple[str | None, str | None] | None:
    """Return store and workspace of the nearest ``.aml/config.yaml`` from ``directory`` upwards, None without one."""
    path = _find_config(directory)
    if path is None:
        return None
    values = _read_config(path)
    store = values.get("store")
    return (_absolute(store, path.parent.parent) if store else None), values.get("workspace")


def write_config(directory: Path | str, store: str | None, workspace: str | None) -> Path:
    """Write ``.aml/config.yaml`` in ``directory``, whole or not at all; return its path.

    :param store: None leaves the key out, as for ``workspace``.
    """
    import yaml  # noqa: PLC0415  not needed to find a store by an environment variable

    path = Path(directory) / CONFIG_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"store": store, "workspace": workspace}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(yaml.safe_dump({key: value for key, value in values.items() if value}), encoding="utf-8")
    partial.replace(path)
    return path


def _tracking_uri() -> str | None:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return uri if uri.startswith(_STORE_SCHEMES) else None


def _absolute(uri: str, base: Path) -> str:
    uri = _named(uri)
    for prefix in _SQLITE_PREFIXES:
        path = uri.removeprefix(prefix)
        if uri.startswith(prefix) and path and path != ":memory:":
            return f"{prefix}{base / Path(path).expanduser()}"
    return uri


def _named(uri: str) -> str:
    """Name the database as MLflow's registries do: they know no drivers (``postgresql+psycopg``) and no short names."""
    scheme, mark, rest = uri.partition("://")
    database = _DATABASES.get(scheme.removeprefix("aml+").partition("+")[0])
    return f"{'aml+' if scheme.startswith('aml+') else ''}{database}{mark}{rest}" if database else uri


def _find_config(start: Path | None = None) -> Path | None:
    here = (start or Path.cwd()).absolute()
    candidates = (directory / CONFIG_FILE for directory in (here, *here.parents))
    return next((path for path in candidates if path.is_file()), None)


def _read_config(path: Path) -> Mapping[str, str]:
    import yaml  # noqa: PLC0415  costs 20 ms

    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}.", "Repair or remove the file.") from None
    except yaml.YAMLError as error:
        raise InvalidInputError(f"{path} is not YAML{_line(error)}.", "Repair or remove the file.") from None
    if not isinstance(loaded, dict):
        raise InvalidInputError(f"{path} holds no keys.", "Write lines such as 'workspace: team-a'.")
    for key, value in loaded.items():
        _check(path, key, value)
    return loaded


def _check(path: Path, key: object, value: object) -> None:
    if key not in _KEYS:
        raise InvalidInputError(f"{path} has an unknown key {key!r}.", _did_you_mean(str(key)))
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"{path}: {key} is {value!r}, not a text.", "Put it in quotes if it is meant.")


def _did_you_mean(key: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  for mistakes only

    close = get_close_matches(key, _KEYS, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known keys: {', '.join(_KEYS)}."


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""
