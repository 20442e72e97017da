"""Check the settings of a plugin's type, with a sentence for the first that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

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
    known = _known_settings(model, first["loc"])
    hint = did_you_mean(setting, known) if first["type"] == "extra_forbidden" else ""
    what = f"The setting '{setting}' of {whose} is wrong" if setting else f"The settings of {whose} are wrong"
    raise InvalidInputError(f"{what}: {said}.{hint}", f"Known settings: {', '.join(sorted(known)) or 'none'}.")


def _known_settings(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the settings beside the one at ``place``; those of a section bear its name."""
    field = model.model_fields.get(str(place[0])) if len(place) > 1 else None
    inner = [one for one in get_args(field.annotation) if isinstance(one, type)] if field else []
    section = next((one for one in inner if issubclass(one, BaseModel)), None)
    return [f"{place[0]}.{name}" for name in section.model_fields] if section else list(model.model_fields)
