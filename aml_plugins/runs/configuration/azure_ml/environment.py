"""The environment of an Azure ML v1 run configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aml_plugins.runs.configuration.azure_ml.part import Part
from aml_plugins.runs.configuration.documents import read_document
from aml_plugins.runs.configuration.requirements import inside
from aml_plugins.secrets import is_reference

__all__ = ["conda_file", "environment", "environment_part"]

DEFAULT_IMAGE: Final = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
_IMAGES_OF_AZURE_ML: Final = "mcr.microsoft.com/azureml/"
_INLINE: Final = ("FROM ", "ARG ", "#")


def environment_part(top: Part, directory: Path, path: Path) -> Part:
    """Return the section, also where it is a file of its own."""
    if isinstance(top.peek("environment"), str):
        name = top.text("environment") or ""
        file = inside(directory, _from_either(name, directory, path), directory, "environment file")
        document = read_document(file, name)
        top.adopt("environment", Part(document, document.value))
    section = top.part("environment")
    if any(key in section for key in ("python", "docker", "spark", "environmentVariables")):
        # With its content here, the name under which a workspace knew it says nothing.
        section.take("name")
        section.take("version")
    return section


def environment(section: Part, docker_options: Part, directory: Path, path: Path) -> dict[str, Any]:
    """Return our environment section."""
    python = _python(section.part("python"), directory, path)
    docker = section.part("docker")
    enabled = docker.flag("enabled", default=False)
    if docker_options.flag("useDocker", default=False) or enabled:
        return _docker(docker, docker_options) | {"python": python}
    if str(docker.peek("baseImage")).startswith(_IMAGES_OF_AZURE_ML):
        docker.take("baseImage")  # every saved file names one, used or not
    return python


def _python(section: Part, directory: Path, path: Path) -> dict[str, Any]:
    managed_by_user = section.flag("userManagedDependencies", default=False)
    interpreter = section.text("interpreterPath")
    file, inline = section.text("condaDependenciesFile"), section.take("condaDependencies")
    if not managed_by_user and file is not None:
        return {"kind": "conda", "file": conda_file(file, directory, path)}
    if not managed_by_user and inline:
        return {"kind": "conda", "specification": inline}
    return {"kind": "existing", "interpreter": None if interpreter == "python" else interpreter}


def conda_file(name: str, directory: Path, path: Path) -> str:
    """Return the file's path in the source directory."""
    return _from_either(name, directory, path)


def _from_either(name: str, directory: Path, path: Path) -> str:
    """Files are named from the source directory, or from the folder of the run configuration."""
    name = name.replace("\\", "/")
    beside = path.parent / name
    if (directory / name).exists() or not beside.exists():
        return name
    beside = beside.resolve()
    root = directory.resolve()
    return str(beside.relative_to(root)) if beside.is_relative_to(root) else name


def _docker(docker: Part, options: Part) -> dict[str, Any]:
    if "buildContext" in docker:
        raise docker.wrong("buildContext", "is not supported; give baseDockerfile or baseImage")
    dockerfile, image = docker.text("baseDockerfile"), docker.text("baseImage")
    arguments = options.texts("arguments")
    shared, shm_size = options.flag("sharedVolumes", default=True), options.text("shmSize")
    values: dict[str, Any] = {
        "kind": "docker",
        "arguments": docker.texts("arguments") or arguments,
        "shared_volumes": docker.flag("sharedVolumes", default=True) and shared,
        "shm_size": docker.text("shmSize") or shm_size,
        "registry": _registry(docker.part("baseImageRegistry")),
    }
    if dockerfile is None:
        return values | {"image": image or DEFAULT_IMAGE}
    inline = "\n" in dockerfile or dockerfile.upper().startswith(_INLINE)
    return values | {"dockerfile" if inline else "dockerfile_file": dockerfile}


def _registry(section: Part) -> dict[str, Any] | None:
    values = {"address": section.text("address"), "username": section.text("username")}
    if is_reference(str(section.peek("password"))):
        values["password"] = section.text("password")
    return values if any(values.values()) else None
