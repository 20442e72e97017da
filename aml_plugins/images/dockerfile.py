"""An image as a Dockerfile and the files that it copies: for builders that hand the work to somebody else.

The order is that of the layers: base, environment, scoring server, models, application. Each is one instruction, so
that a changed script makes the last layer anew and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.contents import APP_ROOT, CA_PATH, application_entries, model_entries, server_entries
from aml_plugins.images.contract import BuildSpec
from aml_plugins.images.layers import Entry
from aml_plugins.images.manifest import PORT, USER
from aml_plugins.images.packages import PACKAGES_PATH
from aml_plugins.json_types import JsonObject

__all__ = ["BuildContext", "build_context", "layer_names"]

REQUIREMENTS_PATH = "opt/aml/requirements.txt"
# Bases have pip, or at least venv; where neither is, the build says so in Python's own words.
_INSTALL = (
    "if python3 -m pip --version >/dev/null 2>&1; then pip='python3 -m pip'; "
    "else python3 -m venv /tmp/aml-pip && pip='/tmp/aml-pip/bin/python3 -m pip'; fi"
    " && $pip install --no-cache-dir --disable-pip-version-check --no-warn-script-location --root-user-action ignore"
    " --progress-bar off"
    f" --target /{PACKAGES_PATH} -r /{REQUIREMENTS_PATH}"
    " && python3 -c \"import shutil; shutil.rmtree('/tmp/aml-pip', ignore_errors=True)\""  # not every base has rm
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """What ``docker build`` gets.

    :param dockerfile: the Dockerfile's text; it is in ``entries``, too.
    """

    dockerfile: str
    entries: Sequence[Entry]


def build_context(
    spec: BuildSpec,
    environment: JsonObject,
    base: str,
    variables: Mapping[str, str],
    *,
    conda: Sequence[Entry] = (),
    arguments: Sequence[str] = (),
) -> BuildContext:
    """Return the Dockerfile of an image and its files.

    :param base: what it begins with, as the builder names it.
    :param variables: environment variables of the image.
    :param conda: the files of a conda environment, which is copied; a pip environment is installed in the base.
    :param arguments: names of build arguments that pip reads, such as ``PIP_INDEX_URL``.
    """
    parts: list[tuple[str, list[Entry]]] = [("environment", [*conda, *_requirements(spec, environment)])]
    parts.append(("server", list(server_entries())))
    for number, model in enumerate(spec.models):
        parts.append((f"models/{number}", list(model_entries(model.name, model.version, model.path))))
    parts.append(("application", list(application_entries(spec))))
    text = _dockerfile(spec, base, variables, [name for name, _ in parts], arguments, is_pip=not conda)
    entries = [replace(entry, path=f"{folder}/{entry.path}") for folder, some in parts for entry in some]
    return BuildContext(dockerfile=text, entries=[Entry("Dockerfile", content=text.encode()), *entries])


def layer_names(spec: BuildSpec, *, is_pip: bool) -> list[str]:
    """Return the names of the layers above the base, in order: one an instruction."""
    installed = ["requirements", "environment"] if is_pip else ["environment"]
    return [*installed, "server", *(f"model {model.name}" for model in spec.models), "application"]


def _requirements(spec: BuildSpec, environment: JsonObject) -> Iterator[Entry]:
    lines = environment.get("requirements") or ()
    assert isinstance(lines, (list, tuple))  # noqa: S101  the section's type
    if environment["kind"] == "pip":
        yield Entry(REQUIREMENTS_PATH, content="".join(f"{line}\n" for line in lines).encode())
    if spec.ca_file is not None:
        yield Entry(CA_PATH, spec.ca_file)


def _dockerfile(
    spec: BuildSpec,
    base: str,
    variables: Mapping[str, str],
    folders: Sequence[str],
    arguments: Sequence[str],
    *,
    is_pip: bool,
) -> str:
    first, *others = folders
    # pip brings certificates of its own, whatever the base trusts.
    trusted = f"/{CA_PATH}" if spec.ca_file is not None else "$SSL_CERT_FILE"
    trust = f'if [ -n "{trusted}" ]; then export PIP_CERT="{trusted}"; fi; '
    install = [*(f"ARG {name}" for name in arguments), f"RUN {trust}{_INSTALL}"] if is_pip else []
    lines = [
        f"FROM {base}",
        "USER root",
        f"COPY {first}/ /",
        *install,
        *(f"COPY {folder}/ /" for folder in others),
        *(f"ENV {name}={_quoted(value)}" for name, value in variables.items()),
        *(f"LABEL {_quoted(name)}={_quoted(value)}" for name, value in spec.labels.items()),
        f"USER {USER}",
        f"WORKDIR /{APP_ROOT}",
        f"EXPOSE {PORT}",
        "STOPSIGNAL SIGTERM",
        f"ENTRYPOINT {json.dumps(['python3', '-m', 'aml_scoring'])}",
        f"CMD {json.dumps(['--host', '0.0.0.0', '--port', str(PORT)])}",  # noqa: S104  inside the container
    ]
    return "".join(f"{line}\n" for line in lines)


def _quoted(value: Any) -> str:
    """Return a value as one word of a Dockerfile; a dollar sign means itself.

    :raises InvalidInputError: for a line break, which no Dockerfile can say there.
    """
    text = str(value)
    if "\n" in text or "\r" in text:
        raise InvalidInputError(f"The value {text[:40]!r} has a line break.", "Build with the builder 'oci'.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
