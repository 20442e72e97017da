"""Settings of a plugin's type: their check, with a sentence for the first that is wrong, and a type for paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError

from aml_plugins.errors import InvalidInputError
from aml_plugins.suggestions import did_you_mean

__all__ = ["NAMED_VALUES", "AbsolutePath", "checked_settings"]

ModelT = TypeVar("ModelT", bound=BaseModel)


def _absolute(value: str) -> str:
    """Refuse what would mean another place in another working directory."""
    expanded = os.path.expanduser(value)  # noqa: PTH111  Path would raise where there is no home directory
    if not os.path.isabs(expanded) or "\0" in expanded:  # noqa: PTH117  see above
        raise ValueError("must be an absolute path")
    return expanded


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
"""The type of a setting that is a path of this machine; ``~`` becomes the home directory."""


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part]
    if not all(separator for _, separator, _ in pairs):
        raise ValueError("must be NAME=VALUE, with a comma between two of them")
    return {name.strip(): text.strip() for name, _, text in pairs}


NAMED_VALUES = BeforeValidator(_pairs)
"""For a setting that is a dictionary: a command line gives it as ``NAME=VALUE,NAME=VALUE``."""


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
