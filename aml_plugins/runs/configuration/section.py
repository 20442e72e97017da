"""What all sections of a run configuration share: frozen, strict about keys, errors in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration.mistakes import explain
from aml_plugins.suggestions import did_you_mean

__all__ = ["Section"]


class Section(BaseModel):
    """A section of a run configuration. A key without a value means its default.

    :raises InvalidInputError: from the constructor, where an argument is wrong.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        regex_engine="rust-regex",
        defer_build=True,  # the whole is built once, where it is used, and not each of its sections for itself, too
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise explain(error, values) from None

    # Pydantic then uses its own, faster path for nested sections, and our explanation sees their whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # as pydantic does for its RootModel

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: values do not change."""
        raise InvalidInputError(
            f"'{name}' of a {type(self).__name__} cannot be changed in place.",
            f"Make a changed copy: {type(self).__name__}(…), or config.merged({name}=…).",
        )

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        for key in data:
            if key not in cls.model_fields:
                raise _unknown(str(key), list(cls.model_fields))
        return {key: value for key, value in data.items() if value is not None}


def _unknown(key: str, known: list[str]) -> PydanticCustomError:
    key = key.encode("utf-8", "backslashreplace").decode()
    hint = did_you_mean(snake_case(key), known) or did_you_mean(key, known)
    return PydanticCustomError("unknown_key", "{hint}", {"key": key, "hint": hint, "known": ", ".join(known)})


def snake_case(key: str) -> str:
    """Return ``nodeCount`` as ``node_count``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key).lstrip("_").replace("-", "_")
