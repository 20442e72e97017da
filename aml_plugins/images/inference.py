"""How a model is served: the script, its directory, its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonObject
from aml_plugins.runs.configuration import Environment, ExistingEnvironment
from aml_plugins.runs.configuration.resolving import resolve

__all__ = ["InferenceConfig"]

_ENVIRONMENT: TypeAdapter[Any] = TypeAdapter(Environment)
_LARGEST_SCHEMA = 1 << 20


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """A scoring script and what it needs; or, without one, how an MLflow model is served.

    :param entry_script: the file with ``init()`` and ``run()``, in ``source_directory``. None: the image has exactly
        one model, an MLflow model, and answers as MLflow's own server does; nothing of a source directory goes in.
    :param source_directory: all of it goes into the image, less what ``.amlignore`` names.
    :param environment: the environment of a run configuration, or the same as a mapping:
        ``{"kind": "pip", "requirements": ["scikit-learn"]}``. By default nothing is installed but the server; without
        a script, the model's own environment.
    :param schema: a Swagger document in ``source_directory`` that describes the service.
    :param description: a sentence for people.
    """

    entry_script: str | None = None
    source_directory: str | Path = "."
    environment: Environment | Mapping[str, Any] | None = None
    schema: str | None = None
    description: str = ""

    @property
    def directory(self) -> Path:
        """The source directory."""
        return Path(self.source_directory)

    def check(self) -> None:
        """Make sure that what is named is there.

        :raises InvalidInputError: otherwise.
        """
        if self.entry_script is None:
            if self.schema is not None:
                raise InvalidInputError("A schema describes a scoring script, and there is none.", "Leave it out.")
            return
        if not self.directory.is_dir():
            raise InvalidInputError(
                f"The source directory '{self.directory}' does not exist.", "Name the directory that has the script."
            )
        for name, what in ((self.entry_script, "scoring script"), (self.schema, "schema")):
            if name is not None and not self._inside(name).is_file():
                raise InvalidInputError(
                    f"There is no {what} '{name}' in '{self.directory}'.", "Name it relative to the source directory."
                )

    def resolved_environment(self) -> JsonObject:
        """Return the environment as JSON, with the content of the files that it names.

        :raises InvalidInputError: for what is no environment.
        """
        given = self.environment
        if given is None:
            return ExistingEnvironment().to_json()
        if isinstance(given, Mapping):
            try:
                given = _ENVIRONMENT.validate_python(dict(given))
            except ValidationError as error:
                first = error.errors()[0]
                raise InvalidInputError(f"The environment is wrong: {first['msg']}.", "See: environments") from None
        return resolve(given, self.directory).to_json()

    def swagger(self) -> str | None:
        """Return the schema's text."""
        if self.schema is None:
            return None
        content = self._inside(self.schema).read_bytes()
        if len(content) > _LARGEST_SCHEMA:
            raise InvalidInputError(f"The schema '{self.schema}' has more than {_LARGEST_SCHEMA} bytes.")
        return content.decode("utf-8", "replace")

    def _inside(self, name: str) -> Path:
        path = (self.directory / name).resolve()
        if not path.is_relative_to(self.directory.resolve()):
            raise InvalidInputError(f"'{name}' is not inside '{self.directory}'.", "Put it there.")
        return path
