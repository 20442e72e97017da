"""``/swagger.json``: the user's file, or a description made from the types of the script's decorators."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any, Dict

from .answers import Answer, error_answer, json_answer
from .script import Script
from .settings import Settings
from .swagger_documents import openapi_3, swagger_2

__all__ = ["Swagger"]

logger = logging.getLogger("azmlinfsrv.swagger")

Document = Dict[str, Any]

_ALIASES = {"2": "2", "2.0": "2", "3": "3", "3.0": "3", "3.1": "3.1"}
_FILES = {"2": ("swagger.json", "swagger2.json"), "3": ("swagger3.json",), "3.1": ("swagger3.1.json",)}
_ANYTHING: Document = {"type": "object", "example": {}}


class Swagger:
    """The documents by version.

    :param script: None for an MLflow model.
    """

    def __init__(self, settings: Settings, script: Script | None) -> None:
        self._documents: dict[str, Document] = {}
        for version in ("2", "3", "3.1"):
            document = _of_user(settings, version)
            if document is None:
                document = _made(settings, script, version)
            if document is not None:
                self._documents[version] = document

    def answer(self, version: str | None) -> Answer:
        """Return a version's document."""
        wanted = "2" if version is None else version
        known = ", ".join(sorted(self._documents))
        if wanted not in _ALIASES:
            return error_answer(404, f"Swagger version [{wanted}] is not valid. Supported versions: [{known}].")
        document = self._documents.get(_ALIASES[wanted])
        if not document:
            return error_answer(
                404,
                f"Swagger version [{wanted}] is not supported for the scoring script. "
                f"Supported swagger versions: [{known}].",
            )
        return json_answer(document)


def _of_user(settings: Settings, version: str) -> Document | None:
    for name in _FILES[version]:
        path = os.path.join(settings.app_root, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                loaded: Document = json.load(file)
            logger.info("Loaded user's swagger file for version [%s] from %s", version, path)
            if loaded:
                return loaded
    return None


def _made(settings: Settings, script: Script | None, version: str) -> Document | None:
    given, returned = _ANYTHING, _ANYTHING
    schemas: Any = sys.modules.get("inference_schema.schema_util")
    if script is not None and schemas is not None:
        supported: list[str] = schemas.get_supported_versions(script.run)
        if not any(alias in supported for alias, of in _ALIASES.items() if of == version):
            return None
        if script.is_decorated:
            given, returned = schemas.get_input_schema(script.run), schemas.get_output_schema(script.run)
    make = swagger_2 if version == "2" else openapi_3
    document = make(settings.service_name, settings.service_version, settings.service_path_prefix, given, returned)
    if version == "3.1":
        document["openapi"] = "3.1.0"
    return document
