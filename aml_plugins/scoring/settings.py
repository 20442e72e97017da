"""What the server is told, by variables (Azure ML's names where it has one) or by a ``config.json``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

__all__ = ["DEFAULT_APP_ROOT", "BadSettingError", "Settings"]

DEFAULT_APP_ROOT = "/var/azureml-app"
_HOUR_MS = 3_600_000
_MEGABYTE = 1 << 20


class BadSettingError(Exception):
    """A variable or a key of the configuration file has a value that cannot be meant."""


@dataclass(frozen=True)
class Settings:
    """The settings of one worker.

    :param app_root: the directory of the script and of the user's ``swagger.json`` and ``logging.json``.
    :param entry_script: the script, relative to ``app_root``; None means ``main.py`` somewhere on Python's path.
    :param mlflow_model: serve this MLflow model instead of a script.
    :param timeout_ms: how long one call of ``run()`` may take.
    :param cors_origins: origins that browsers may call from, separated by commas.
    :param max_request_bytes: longer bodies are refused with 413.
    :param drain_seconds: how long requests under way may take once the server was asked to stop.
    :param keys_file: one key a line; callers must send one of them. Read again whenever the file changes.
    :param key_digests: instead, SHA-256 digests of the keys, hexadecimal, separated by commas.
    :param capture_directory: where inputs and outputs are written, one JSON line a request.
    :param capture_url: a storage container to which they are sent instead, with a signature: a secret.
    :param batch_size: how many requests the script's ``run_batch()`` gets at most; 1 switches it off.
    :param batch_wait_ms: how long a request waits for others, beyond those that came while the script was busy.
    """

    app_root: str = DEFAULT_APP_ROOT
    source_directory: str | None = None
    entry_script: str | None = None
    mlflow_model: str | None = None
    model_dir: str = ""
    service_name: str = "ML service"
    service_version: str = "1.0"
    service_path_prefix: str = ""
    timeout_ms: int = _HOUR_MS
    log_level: str = "INFO"
    cors_origins: str | None = None
    max_request_bytes: int = 100 * _MEGABYTE
    drain_seconds: float = 30.0
    keys_file: str | None = None
    key_digests: str | None = None
    capture_directory: str | None = None
    capture_url: str | None = field(default=None, repr=False)
    batch_size: int = 1
    batch_wait_ms: float = 0.0

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Settings:
        """Take each setting from its variable, else from the configuration file, else its default.

        :raises BadSettingError: naming the variable.
        """
        file = _read_file(_config_file(variables))
        values: dict[str, Any] = {}
        for name, (variable, convert) in _VARIABLES.items():
            given = variables.get(variable, file.get(variable))
            if given is not None:
                values[name] = _converted(variable, given, convert)
        return cls(**values)


def _positive(value: Any) -> int:
    number = int(value)
    if number <= 0:
        raise ValueError("it must be greater than 0")
    return number


def _seconds(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError("it must not be less than 0")
    return number


_VARIABLES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "app_root": ("AML_APP_ROOT", str),
    "source_directory": ("AZUREML_SOURCE_DIRECTORY", str),
    "entry_script": ("AZUREML_ENTRY_SCRIPT", str),
    "mlflow_model": ("AML_SCORING_MLFLOW_MODEL", str),
    "model_dir": ("AZUREML_MODEL_DIR", str),
    "service_name": ("SERVICE_NAME", str),
    "service_version": ("SERVICE_VERSION", str),
    "service_path_prefix": ("SERVICE_PATH_PREFIX", str),
    "timeout_ms": ("SCORING_TIMEOUT_MS", int),
    "log_level": ("AZUREML_LOG_LEVEL", str),
    "cors_origins": ("AML_CORS_ORIGINS", str),
    "max_request_bytes": ("AML_SCORING_MAX_REQUEST_BYTES", _positive),
    "drain_seconds": ("AML_SCORING_DRAIN_SECONDS", _seconds),
    "keys_file": ("AML_SCORING_KEYS_FILE", str),
    "key_digests": ("AML_SCORING_KEY_DIGESTS", str),
    "capture_directory": ("AML_SCORING_CAPTURE_DIRECTORY", str),
    "capture_url": ("AML_SCORING_CAPTURE_URL", str),
    "batch_size": ("AML_SCORING_BATCH_SIZE", _positive),
    "batch_wait_ms": ("AML_SCORING_BATCH_WAIT_MS", _seconds),
}


def _converted(variable: str, given: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(given)
    except (TypeError, ValueError) as error:
        raise BadSettingError(f"{variable} is {given!r}: {error}.") from None


def _config_file(variables: Mapping[str, str]) -> str | None:
    """Return the file that is named, else ``config.json`` beside the application or the script."""
    named = variables.get("AZUREML_CONFIG_FILE")
    if named and _has_content(named):
        return named
    script = variables.get("AZUREML_ENTRY_SCRIPT")
    folders = [variables.get("AML_APP_ROOT", DEFAULT_APP_ROOT)]
    if script is not None:
        folders.append(os.path.dirname(os.path.abspath(script)))
    candidates = (os.path.join(folder, "config.json") for folder in folders if os.path.isdir(folder))
    return next((path for path in candidates if _has_content(path)), None)


def _has_content(path: str) -> bool:
    return os.path.isfile(path) and os.path.getsize(path) > 0


def _read_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            loaded = json.load(file)
    except (OSError, ValueError) as error:
        raise BadSettingError(f"The configuration file {path} cannot be read: {error}.") from None
    if not isinstance(loaded, dict):
        raise BadSettingError(f"The configuration file {path} holds no JSON object.")
    return loaded
