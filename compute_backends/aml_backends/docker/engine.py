"""The container engine: few calls, and its errors in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from aml_plugins.errors import (
    BackendError,
    InvalidInputError,
    MissingExtraError,
    NotYetDoneError,
    TransientBackendError,
)

__all__ = ["Engine"]

SECONDS = 60
_NO_CONTENT_AGAIN = 304
_NOT_FOUND = 404
_CONFLICT = 409
_SERVER_ERROR = 500


class Engine:
    """Connects when first asked.

    :param address: of its socket; where the environment says so by default.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._client: Any = None

    def has_image(self, name: str) -> bool:
        with self._said(missing=None) as said:
            self._api().inspect_image(name)
            said.append(True)
        return bool(said)

    def create(self, options: Mapping[str, Any]) -> None:
        """Make a container; one of the name that is there already is taken for it."""
        with self._said(conflict=None):
            self._connected().containers.create(**_as_client_takes_them(options))

    def start(self, name: str) -> None:
        """Start a container that was never started."""
        if self.state(name).get("Status") == "created":
            with self._said():
                self._api().start(name)

    def state(self, name: str) -> dict[str, Any]:
        """Return the engine's own words about a container, nothing where there is none."""
        with self._said(missing=None):
            return dict(self._api().inspect_container(name)["State"])
        return {}

    def states(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the states of all containers with these labels by name, in one call."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        with self._said():
            listed = self._api().containers(all=True, filters={"label": wanted})
        return {name.lstrip("/"): found["State"] for found in listed for name in found["Names"]}

    def output(self, name: str) -> str:
        """Return the end of what a container's own program said: where not even the runner could start."""
        with self._said(missing=None, conflict=None):
            return str(self._api().logs(name, tail=5).decode("utf-8", "replace")).strip()
        return ""

    def signal(self, name: str, signal: str) -> None:
        """Signal a container; one that has ended or is gone is fine."""
        with self._said(missing=None, conflict=None):
            self._api().kill(name, signal)

    def remove(self, name: str) -> None:
        """End and delete a container; missing is fine.

        :raises NotYetDoneError: where the engine is at it.
        """
        later = NotYetDoneError(f"The container '{name}' is being removed.", "Clean up again later.")
        with self._said(missing=None, conflict=later):
            self._api().remove_container(name, v=True, force=True)

    def pull(self, image: str, login: Mapping[str, str] | None) -> Iterator[str]:
        """Yield what the engine tells while it brings an image.

        :raises BackendError: where it cannot.
        """
        repository, tag = _name_and_tag(image)
        with self._said():
            yield from _told(
                self._api().pull(
                    repository, tag=tag, auth_config=dict(login) if login else None, stream=True, decode=True
                )
            )

    def build(self, dockerfile: str, image: str) -> Iterator[str]:
        """Yield what the engine tells while it builds an image from a Dockerfile without further files."""
        from io import BytesIO  # noqa: PLC0415  the one place

        with self._said():
            yield from _told(
                self._api().build(fileobj=BytesIO(dockerfile.encode()), tag=image, rm=True, forcerm=True, decode=True)
            )

    def has_network(self, name: str) -> bool:
        with self._said(missing=None) as said:
            self._api().inspect_network(name)
            said.append(True)
        return bool(said)

    def version(self) -> str:
        with self._said():
            return str(self._api().version()["Version"])

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _api(self) -> Any:
        return self._connected().api

    def _connected(self) -> Any:
        if self._client is None:
            try:
                import docker  # noqa: PLC0415  0.3 s
            except ImportError as error:
                raise MissingExtraError("The compute target type 'docker'", "docker") from error
            if self._address:
                self._client = docker.DockerClient(base_url=self._address, version="auto", timeout=SECONDS)
            else:
                self._client = docker.from_env(version="auto", timeout=SECONDS)
        return self._client

    @contextlib.contextmanager
    def _said(self, missing: Any = ..., conflict: Any = ...) -> Iterator[list[bool]]:
        """Turn the engine's refusals into errors of ours; ``None`` for one that is fine."""
        try:
            yield []
        except MissingExtraError:
            raise
        except Exception as error:  # noqa: BLE001  the client lets errors of three libraries through
            status = getattr(getattr(error, "response", None), "status_code", None)
            answer = {_NOT_FOUND: missing, _CONFLICT: conflict}.get(status or 0, ...)
            if answer is None:
                return
            raise (answer if answer is not ... else _in_words(error, status)) from None


def _in_words(error: Exception, status: int | None) -> Exception:
    if isinstance(error, (BackendError, InvalidInputError)):
        return error
    if status is None:
        return _unreachable(error)
    said = str(getattr(error, "explanation", None) or error).strip().rstrip(".")
    return BackendError(f"The container engine refused: {said}.", _fix(said))


def _fix(said: str) -> str:
    if "capabilities: [[gpu]]" in said:
        return "The engine gives no GPU to containers: install NVIDIA's container toolkit here, or ask for none."
    if said.startswith("network "):
        return "Set the target's 'network' to one of: docker network ls"
    return "See the reference page of the target type 'docker'."


def _unreachable(error: Exception) -> Exception:
    from docker.errors import DockerException  # noqa: PLC0415  it is loaded by now
    from requests.exceptions import RequestException  # noqa: PLC0415  see above

    if isinstance(error, (DockerException, RequestException, OSError)):
        return TransientBackendError(
            "The container engine of this machine cannot be reached.", "Start it, or set the target's 'engine'."
        )
    return error


def _as_client_takes_them(options: Mapping[str, Any]) -> dict[str, Any]:
    from docker.types import DeviceRequest, LogConfig, Ulimit  # noqa: PLC0415  it is loaded by now

    made = dict(options)
    made["log_config"] = LogConfig(type=made["log_config"]["Type"], config=made["log_config"]["Config"])
    if "device_requests" in made:
        made["device_requests"] = [
            DeviceRequest(count=wanted["Count"], capabilities=wanted["Capabilities"])
            for wanted in made["device_requests"]
        ]
    if "ulimits" in made:
        made["ulimits"] = [Ulimit(**{key.lower(): value for key, value in limit.items()}) for limit in made["ulimits"]]
    return made


def _told(lines: Any) -> Iterator[str]:
    for line in lines:
        if line.get("error"):
            raise BackendError(f"The image cannot be had: {str(line['error']).strip().rstrip('.')}.", "Check its name.")
        text = str(line.get("stream") or line.get("status") or "").strip()
        if text and "progressDetail" not in line:
            yield text


def _name_and_tag(image: str) -> tuple[str, str | None]:
    """A digest stays part of the name; without a tag, the engine would bring all there are."""
    if "@" in image:
        return image, None
    name, separator, tag = image.rpartition(":")
    return (name, tag) if separator and "/" not in tag else (image, "latest")
