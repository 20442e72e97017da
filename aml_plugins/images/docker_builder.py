"""Images built by a Docker engine: for environments that need their base image's own tools, such as conda or apt."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, ClassVar

from aml_plugins.errors import InvalidInputError, OperationFailedError, TransientBackendError
from aml_plugins.images.contract import BuildSpec, BuiltImage, ImageBuilder
from aml_plugins.images.layers import Entry, write_tar
from aml_plugins.images.oci_builder import (
    CA_PATH,
    application_entries,
    application_variables,
    model_entries,
    server_entries,
)
from aml_plugins.images.packages import serving_environment
from aml_plugins.json_types import JsonObject

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["DockerBuilder", "engine"]

_USER = "10001:10001"


class DockerBuilder(ImageBuilder):
    """Writes a Dockerfile and its context, and lets the engine that ``DOCKER_HOST`` names build it."""

    type_name: ClassVar[str] = "docker"

    def check(self, config: JsonObject) -> None:
        if not config.get("base_image"):
            raise InvalidInputError("The builder 'docker' needs a base image with Python.", "Give: base_image=IMAGE")
        if config.get("registry"):
            raise InvalidInputError(
                "The builder 'docker' leaves images in its engine.", "Use the builder 'oci' for registries."
            )
        environment = config["environment"]
        assert isinstance(environment, dict)  # noqa: S101  as images write it
        serving_environment(environment)

    def plan(self, spec: BuildSpec) -> JsonObject:
        return {"tag": f"{spec.name}:{spec.version}", "dockerfile": dockerfile(spec)}

    def build(self, spec: BuildSpec, log: Callable[[str], None]) -> BuiltImage:
        import docker.errors  # noqa: PLC0415  of an extra

        client = engine()
        try:
            with _context(spec) as context:
                image, lines = client.images.build(
                    fileobj=context, custom_context=True, tag=f"{spec.name}:{spec.version}", rm=True, forcerm=True
                )
        except docker.errors.BuildError as error:
            _tell(error.build_log, log)
            raise OperationFailedError(
                f"Docker could not build the image: {error.msg}", "See the build's log."
            ) from error
        except docker.errors.APIError as error:
            raise OperationFailedError(f"Docker refused to build the image: {error.explanation}") from error
        finally:
            client.close()
        _tell(lines, log)
        return BuiltImage(digest=str(image.id), details={"tags": list(image.tags)})


def engine() -> DockerClient:
    """Return a client of the engine that the environment names.

    :raises TransientBackendError: where it cannot be reached.
    """
    import docker  # noqa: PLC0415  of an extra
    import docker.errors  # noqa: PLC0415  as above

    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException as error:
        raise TransientBackendError(
            f"The Docker engine cannot be reached: {error}", "Start it, or set DOCKER_HOST to where it listens."
        ) from error
    return client


def dockerfile(spec: BuildSpec) -> str:
    """Return the recipe: what changes most often comes last."""
    lines = [f"FROM {spec.base_image}", "USER root", "COPY requirements.txt /opt/aml/requirements.txt"]
    if spec.ca_file is not None:
        lines += [
            f"COPY ca.pem /{CA_PATH}",
            f"ENV PIP_CERT=/{CA_PATH} SSL_CERT_FILE=/{CA_PATH} REQUESTS_CA_BUNDLE=/{CA_PATH}",
        ]
    lines += [
        "RUN python3 -m pip install --no-cache-dir --target /opt/aml/packages -r /opt/aml/requirements.txt",
        "ADD server.tar /",
        *(f"ADD model-{number}.tar /" for number in range(len(spec.models))),
        "ADD application.tar /",
    ]
    lines += [f"ENV {name}={_quoted(value)}" for name, value in application_variables(spec).items()]
    lines += [f"LABEL {name}={_quoted(value)}" for name, value in spec.labels.items()]
    lines += [
        f"USER {_USER}",
        "WORKDIR /var/azureml-app",
        "EXPOSE 5001",
        'ENTRYPOINT ["python3", "-m", "aml_scoring"]',
        'CMD ["--host", "0.0.0.0", "--port", "5001"]',
    ]
    return "\n".join(lines) + "\n"


def _context(spec: BuildSpec) -> IO[bytes]:
    context = BytesIO()
    environment = serving_environment(spec.environment)
    members: dict[str, bytes] = {
        "Dockerfile": dockerfile(spec).encode(),
        "requirements.txt": "".join(f"{line}\n" for line in environment["requirements"]).encode(),
        "server.tar": _tar(server_entries()),
        "application.tar": _tar(application_entries(spec)),
    }
    if spec.ca_file is not None:
        members["ca.pem"] = spec.ca_file.read_bytes()
    for number, model in enumerate(spec.models):
        members[f"model-{number}.tar"] = _tar(model_entries(model.name, model.version, model.path))
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    context.seek(0)
    return context


def _tar(entries: Iterator[Entry]) -> bytes:
    buffer = BytesIO()
    write_tar(buffer, entries)
    return buffer.getvalue()


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", " ")
    return f'"{escaped}"'


def _tell(lines: Any, log: Callable[[str], None]) -> None:
    for line in lines:
        text = str(line.get("stream") or line.get("error") or "").rstrip()
        if text:
            log(text)
