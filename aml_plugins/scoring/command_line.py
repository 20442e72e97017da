"""The command line: Microsoft's options, and ours beside them. It fills the variables, then supervises."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Sequence

from .settings import BadSettingError, Settings
from .supervisor import Listening, Supervisor

__all__ = ["main"]

_HIGHEST_PORT = 65535
_DEFAULT_PORT = 5001
_MISTAKE = 1


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; return the exit code: 0, 1 for a wrong call, 3 where the script cannot serve."""
    if list(arguments[:1]) == ["--worker"]:
        from .worker import run_worker

        return run_worker(*map(int, arguments[1:4]))
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:
        return _MISTAKE if end.code else 0
    variables = {**os.environ, **_variables(options)}
    # As scripts find them in Azure ML's server.
    for name, value in (("AML_APP_ROOT", os.getcwd()), ("WORKER_COUNT", "1"), ("AML_APP_INSIGHTS_ENABLED", "false")):
        variables.setdefault(name, value)
    try:
        settings = Settings.read(variables)
    except BadSettingError as error:
        print(f"Configuration error: {error}", file=sys.stderr)
        return 3
    if not (settings.entry_script or settings.mlflow_model or options.config_file or _has_main(settings)):
        print("Give --entry_script, --mlflow_model or --config_file.", file=sys.stderr)
        return _MISTAKE
    return Supervisor(_listening(options, variables), variables, settings.drain_seconds).run()


def _has_main(settings: Settings) -> bool:
    return os.path.isfile(os.path.join(settings.app_root, "main.py"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aml_plugins.scoring", description=__doc__)
    add = parser.add_argument
    add("--entry_script", "--entry-script", help="The scoring script: a file with init() and run().")
    add("--mlflow_model", "--mlflow-model", help="Serve this MLflow model's predict() instead of a script.")
    add("--model_dir", "--model-dir", help="The models' directory; the script finds it in AZUREML_MODEL_DIR.")
    add("--host", help="The address to listen on; default: AML_SCORING_HOST, else 0.0.0.0.")
    add("--port", type=_port, help=f"The port; default: {_DEFAULT_PORT}. 0 takes a free one.")
    add("--health_port", "--health-port", type=_port, help="A port for probes that answers while run() is busy.")
    add("--worker_count", "--worker-count", type=_count, help="How many processes; default: WORKER_COUNT, else 1.")
    add("--access_control_allow_origins", "--access-control-allow-origins", help="Origins for browsers (CORS).")
    add("--config_file", "--config-file", help="A JSON file of settings.")
    add("--appinsights_instrumentation_key", "--appinsights-instrumentation-key", help=argparse.SUPPRESS)
    add("--ports_file", "--ports-file", help="Write the ports that were taken to this file, as JSON.")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _HIGHEST_PORT:
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


def _variables(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables that options stand for."""
    found: dict[str, str | None] = {
        "AZUREML_ENTRY_SCRIPT": _real(options.entry_script),
        "AZUREML_CONFIG_FILE": _real(options.config_file),
        "AML_SCORING_MLFLOW_MODEL": options.mlflow_model,
        "AZUREML_MODEL_DIR": options.model_dir,
        "AML_CORS_ORIGINS": options.access_control_allow_origins,
        "WORKER_COUNT": str(options.worker_count) if options.worker_count else None,
    }
    if options.appinsights_instrumentation_key is not None:
        found["AML_APP_INSIGHTS_ENABLED"] = "true"
        found["AML_APP_INSIGHTS_KEY"] = options.appinsights_instrumentation_key
    return {name: value for name, value in found.items() if value is not None}


def _real(path: str | None) -> str | None:
    return os.path.realpath(path) if path else None


def _listening(options: argparse.Namespace, variables: dict[str, str]) -> Listening:
    health: int | None = options.health_port
    if health is None and variables.get("SEPERATE_HEALTH_ENDPOINT") == "true":
        health = int(variables.get("HEALTH_PORT") or 5000)
    return Listening(
        host=options.host or variables.get("AML_SCORING_HOST") or "0.0.0.0",  # noqa: S104  what the contract says
        port=_DEFAULT_PORT if options.port is None else options.port,
        health_port=health,
        workers=options.worker_count or int(variables.get("WORKER_COUNT") or 1),
        ports_file=options.ports_file,
        module=_module(),
    )


def _module() -> list[str]:
    """Return the arguments that start this package again, whatever it is called here."""
    return ["-m", __name__.rpartition(".")[0]]
