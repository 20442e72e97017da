"""Images without a daemon: layers are written, a configuration and a manifest name them."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.base_images import HOST_PYTHON, Base, open_base
from aml_plugins.images.byte_code import with_byte_code
from aml_plugins.images.contract import BuildSpec, BuiltImage, ImageBuilder
from aml_plugins.images.layers import Entry, cached_layer, files_below, write_layer
from aml_plugins.images.layout import CONFIG_TYPE, MANIFEST_TYPE, Blob, Layout
from aml_plugins.images.packages import (
    SERVER_ROOT,
    Prepared,
    environment_entries,
    environment_variables,
    host_version,
    key_of,
    prepare_environment,
    serving_environment,
    site_packages,
)
from aml_plugins.images.references import split_reference
from aml_plugins.images.sbom import bill_of_materials
from aml_plugins.json_types import JsonObject, JsonValue

__all__ = [
    "APP_ROOT",
    "CA_PATH",
    "OciBuilder",
    "application_entries",
    "application_variables",
    "check_python",
    "image_manifest",
    "model_entries",
    "model_path",
    "server_entries",
]

APP_ROOT = "var/azureml-app"
SERVER_PATH = f"{SERVER_ROOT}/aml_scoring"
SBOM_PATH = "opt/aml/sbom.cdx.json"
CA_PATH = "opt/aml/ca.pem"
USER = "10001:10001"
PORT = 5001
_SCORING = Path(__file__).parents[1] / "scoring"


class OciBuilder(ImageBuilder):
    """Assembles an image from layers that are kept: base, environment, server, models, application."""

    type_name: ClassVar[str] = "oci"

    def check(self, config: JsonObject) -> None:
        environment = config["environment"]
        assert isinstance(environment, Mapping)  # noqa: S101  as images write it
        wanted = serving_environment(environment)
        base = config.get("base_image")
        check_python(wanted, base)
        if isinstance(base, str) and base != HOST_PYTHON and not Path(base).exists():
            split_reference(base)
        key_of(wanted)

    def plan(self, spec: BuildSpec) -> JsonObject:
        environment = serving_environment(spec.environment)
        return {
            "base": spec.base_image or HOST_PYTHON,
            "environment": {"key": key_of(environment), **environment},
            "models": [f"{model.name}:{model.version}" for model in spec.models],
            "entry_script": spec.entry_script,
            "labels": dict(spec.labels),
        }

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        environment = serving_environment(spec.environment)
        base, (packages, prepared) = self._base_and_packages(spec, environment, log)
        layers = [
            packages,
            self._server(base, log),
            *(self._model(model.name, model.version, model.path, log) for model in spec.models),
            write_layer(self.layout, application_entries(spec, site_packages(prepared.prefix))),
        ]
        log(f"application: {layers[-1].size} bytes")
        variables = {**environment_variables(environment, prepared, base.variables), **application_variables(spec)}
        manifest = image_manifest(self.layout, spec.labels, base, layers, variables)
        log(f"Built {manifest.digest}.")
        names = ["environment", "server", *(f"model {model.name}" for model in spec.models), "application"]
        shown: JsonValue = [
            {"name": name, "digest": layer.digest, "size": layer.size}
            for name, layer in zip(names, layers, strict=True)
        ]
        return BuiltImage(digest=manifest.digest, details={"base": base.name, "layers": shown})

    def _base_and_packages(
        self, spec: BuildSpec, environment: JsonObject, log: Callable[[str], None]
    ) -> tuple[Base, tuple[Blob, Prepared]]:
        """Pack this machine's Python while packages are installed; another base is looked for before that."""
        if spec.base_image not in {None, HOST_PYTHON}:
            return open_base(self.layout, spec.base_image, log, spec.registry), self._packages(environment, log)
        with ThreadPoolExecutor(1, thread_name_prefix="aml-base") as beside:
            base = beside.submit(open_base, self.layout, spec.base_image, log)
            packages = self._packages(environment, log)
            return base.result(), packages

    def _packages(self, environment: JsonObject, log: Callable[[str], None]) -> tuple[Blob, Prepared]:
        with tempfile.TemporaryFile() as output:
            try:
                prepared = prepare_environment(environment, self.layout.root.parent / "environments", output)
            finally:
                output.seek(0)
                for line in output.read().decode("utf-8", "replace").splitlines():
                    log(line)
        key = ["environment", 3, key_of(environment)]
        layer = self._kept(
            "environment", key, lambda: with_byte_code(prepared.python, environment_entries(environment, prepared)), log
        )
        return layer, prepared

    def _server(self, base: Base, log: Callable[[str], None]) -> Blob:
        """The server's compiled files fit the Python of this machine only; another compiles what it uses itself."""
        key = ["server", 2, _digest_of(_SCORING), sys.version, base.name == HOST_PYTHON]
        return self._kept("server", key, lambda: with_byte_code(sys.executable, server_entries()), log)

    def _model(self, name: str, version: str, path: Path, log: Callable[[str], None]) -> Blob:
        key = ["model", name, version, _digest_of(path)]
        return self._kept(f"model {name}:{version}", key, lambda: model_entries(name, version, path), log)

    def _kept(self, name: str, key: object, entries: Callable[[], Iterator[Entry]], log: Callable[[str], None]) -> Blob:
        layer, was_there = cached_layer(self.layout, key, _lazily(entries))
        log(f"{name}: {layer.size} bytes{', as before' if was_there else ''}")
        return layer


def check_python(environment: Mapping[str, Any], base_image: object) -> None:
    """Refuse a pip environment of another Python than the default base has.

    :raises InvalidInputError: naming both.
    """
    wanted = environment.get("python")
    minor = ".".join(str(wanted).split(".")[:2])
    if wanted is None or base_image not in {None, HOST_PYTHON} or minor in {"3", host_version()}:
        return
    raise InvalidInputError(
        f"The environment wants Python {wanted}, and the default base has {host_version()}.",
        f"Name a base image with Python {minor}, or build with a Python {minor}.",
    )


def image_manifest(
    layout: Layout, labels: Mapping[str, str], base: Base, layers: Sequence[Blob], variables: Mapping[str, str]
) -> Blob:
    """Store an image's configuration and manifest: who runs it, what starts, where it listens."""
    config = {
        "architecture": base.architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Entrypoint": ["python3", "-m", "aml_scoring"],
            "Cmd": ["--host", "0.0.0.0", "--port", str(PORT)],  # noqa: S104  inside the container
            "WorkingDir": f"/{APP_ROOT}",
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Labels": dict(labels),
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [*base.diff_ids, *(layer.diff_id for layer in layers)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.put_json(config, CONFIG_TYPE).descriptor(),
        "layers": [*(layer.descriptor() for layer in base.layers), *(layer.descriptor() for layer in layers)],
    }
    return layout.put_json(manifest, MANIFEST_TYPE)


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
    return {"AML_SCORING_MLFLOW_MODEL": f"/{model_path(model.name, model.version)}/{model.path.name}"}


def model_path(name: str, version: str) -> str:
    """Return where a model lies in an image."""
    return f"{APP_ROOT}/azureml-models/{name}/{version}"


def server_entries() -> Iterator[Entry]:
    """Yield the scoring server: its folder is all it needs."""
    yield from files_below(_SCORING, SERVER_PATH, without=frozenset({"__pycache__", "ruff.toml"}))


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


def model_entries(name: str, version: str, path: Path) -> Iterator[Entry]:
    """Yield a model's file or directory, where Azure ML's scripts look for it."""
    inside = model_path(name, version)
    if path.is_dir():
        yield from files_below(path, f"{inside}/{path.name}")
    else:
        yield Entry(f"{inside}/{path.name}", path)


def _lazily(entries: Callable[[], Iterator[Entry]]) -> Iterator[Entry]:
    yield from entries()


def _digest_of(path: Path) -> str:
    """Return a digest of a file's or a directory's content."""
    whole = hashlib.sha256()
    if path.is_file():
        _take_in(whole, path.name, path)
    for entry in files_below(path, "", without=frozenset({"__pycache__"})):
        assert entry.source is not None  # noqa: S101  files of a directory
        _take_in(whole, entry.path, entry.source)
    return whole.hexdigest()


def _take_in(whole: hashlib._Hash, name: str, path: Path) -> None:
    whole.update(f"{name}\0{path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
