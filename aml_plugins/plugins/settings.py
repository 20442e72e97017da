"""Check the settings of a plugin's type, with a sentence for the first that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aml_plugins.errors import InvalidInputError
from aml_plugins.suggestions import did_you_mean

__all__ = ["checked_settings"]

ModelT = TypeVar("ModelT", bound=BaseModel)


def checked_settings(model: type[ModelT], whose: str, settings: Mapping[str, Any]) -> ModelT:
    """Return the settings as the type's model. A value is never repeated: it may be a secret in the wrong place.

    :param whose: for the message: ``a datastore of type 'azure-blob'``.
    :raises InvalidInputError: naming the first wrong setting and those that there are.
    """
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    setting = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ").removesuffix(".")
    hint = did_you_mean(setting, model.model_fields) if first["type"] == "extra_forbidden" else ""
    known = ", ".join(sorted(model.model_fields)) or "none"
    what = f"The setting '{setting}' of {whose} is wrong" if setting else f"The settings of {whose} are wrong"
    raise InvalidInputError(f"{what}: {said}.{hint}", f"Known settings: {known}.")
