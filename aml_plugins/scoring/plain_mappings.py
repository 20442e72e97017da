"""Headers and form fields with Flask's common methods, for environments without Flask."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, Mapping, Tuple

from .plain_errors import BadRequestKeyError

__all__ = ["PlainHeaders", "PlainMultiDict"]

Pairs = Iterable[Tuple[str, str]]


class PlainHeaders:
    """Header fields in order; names are found whatever their case."""

    def __init__(self, values: Pairs | Mapping[str, str] | None = None) -> None:
        pairs = values.items() if isinstance(values, Mapping) else values or ()
        self._fields: list[tuple[str, str]] = [(name, str(value)) for name, value in pairs]

    def get(self, name: str, default: Any = None) -> Any:
        return next((value for key, value in self._fields if key.lower() == name.lower()), default)

    def getlist(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key.lower() == name.lower()]

    get_all = getlist

    def add(self, name: str, value: Any) -> None:
        self._fields.append((name, str(value)))

    add_header = add

    def set(self, name: str, value: Any) -> None:
        self.remove(name)
        self.add(name, value)

    def setdefault(self, name: str, value: Any) -> str:
        if name not in self:
            self.add(name, value)
        found: str = self[name]
        return found

    def remove(self, name: str) -> None:
        self._fields = [field for field in self._fields if field[0].lower() != name.lower()]

    def update(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.set(name, value)

    def extend(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.add(name, value)

    def items(self) -> list[tuple[str, str]]:
        return list(self._fields)

    def keys(self) -> list[str]:
        return [name for name, _ in self._fields]

    def values(self) -> list[str]:
        return [value for _, value in self._fields]

    def __getitem__(self, name: str) -> str:
        found: str | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(name, value)

    __delitem__ = remove

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.keys()!r})"  # values may be keys to somewhere


class PlainMultiDict(Dict[str, Any]):
    """A dictionary of the first value of each name; :meth:`getlist` has all."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        self._lists: dict[str, list[Any]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)
        super().__init__({name: values[0] for name, values in self._lists.items()})

    def __missing__(self, key: str) -> Any:
        raise BadRequestKeyError(key)

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # noqa: A002  Flask's name
        if key not in self:
            return default
        try:
            return self[key] if type is None else type(self[key])
        except (TypeError, ValueError):
            return default

    def getlist(self, name: str) -> list[Any]:
        return list(self._lists.get(name, []))

    def to_dict(self, *, flat: bool = True) -> dict[str, Any]:
        return dict(self) if flat else {name: list(values) for name, values in self._lists.items()}
