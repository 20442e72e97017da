"""What lies where in an image besides its Python: scoring server, models, application; and what tells the server so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.images.layers import Entry, files_below
from aml_plugins.images.packages import SERVER_ROOT
from aml_plugins.images.sbom import bill_of_materials

if TYPE_CHECKING:
    from aml_plugins.images.contract import BuildSpec

__all__ = [
    "APP_ROOT",
    "CA_PATH",
    "SBOM_PATH",
    "SCORING",
    "application_entries",
    "application_variables",
    "model_entries",
    "server_entries",
]

APP_ROOT = "var/azureml-app"
SERVER_PATH = f"{SERVER_ROOT}/aml_scoring"
SBOM_PATH = "opt/aml/sbom.cdx.json"
CA_PATH = "opt/aml/ca.pem"
SCORING = Path(__file__).parents[1] / "scoring"
"""The scoring server's folder on this machine."""


def server_entries() -> Iterator[Entry]:
    """Yield the scoring server: its folder is all it needs."""
    yield from files_below(SCORING, SERVER_PATH, without=frozenset({"__pycache__", "ruff.toml"}))


def model_entries(name: str, version: str, path: Path) -> Iterator[Entry]:
    """Yield a model's file or directory, where Azure ML's scripts look for it."""
    inside = _model_path(name, version)
    if path.is_dir():
        yield from files_below(path, f"{inside}/{path.name}")
    else:
        yield Entry(f"{inside}/{path.name}", path)


def application_entries(spec: BuildSpec, packages: Path | None = None) -> Iterator[Entry]:
    """Yield the script's directory and what describes it.

    :param packages: the environment, for the bill of materials; None: there is none.
    """
    yield from files_below(spec.source, APP_ROOT)
    if spec.swagger is not None:
        yield Entry(f"{APP_ROOT}/swagger.json", content=spec.swagger)
    if spec.ca_file is not None:
        yield Entry(CA_PATH, spec.ca_file)
    if packages is not None:
        yield Entry(SBOM_PATH, content=bill_of_materials(spec.name, packages, spec.models))


def application_variables(spec: BuildSpec) -> Mapping[str, str]:
    """Return the environment variables of an image, as Azure ML's images have them.

    ``AZUREML_MODEL_DIR`` is relative to the working directory: many take ``split("/")[1]`` of it for the name.
    """
    models = "azureml-models"
    if len(spec.models) == 1:
        models = f"{models}/{spec.models[0].name}/{spec.models[0].version}"
    variables = {
        "AML_APP_ROOT": f"/{APP_ROOT}",
        **_served(spec),
        "AZUREML_MODEL_DIR": models,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if spec.ca_file is not None:
        variables |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"), f"/{CA_PATH}")
    return {**variables, **spec.variables}


def _served(spec: BuildSpec) -> dict[str, str]:
    """Return the variable that says what is served: a script, or the MLflow model itself."""
    if spec.entry_script is not None:
        return {"AZUREML_ENTRY_SCRIPT": spec.entry_script}
    model = spec.models[0]
    return {"AML_SCORING_MLFLOW_MODEL": f"/{_model_path(model.name, model.version)}/{model.path.name}"}


def _model_path(name: str, version: str) -> str:
    """Return where a model lies in an image."""
    return f"{APP_ROOT}/azureml-models/{name}/{version}"
