"""Turns what a moto backend returns (objects with attributes of many spellings) into plain data by the output model.

Decides which attribute answers which member, as moto's own serializer does (`moto.core.serialize`), but compiled: the
possible spellings are worked out once per Python class and member instead of once per value.
"""

from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

from botocore import xform_name
from moto.core.serialize import DEFAULT_ALIAS_PROVIDERS, AttributePickerContext

Picker = Callable[[Any], Any]
_ABSENT = object()


def _bool(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _text(value: Any) -> Any:
    return str(value.value if isinstance(value, Enum) else value)


_SCALARS: dict[str, Picker] = {
    "boolean": _bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": _text,
    "timestamp": lambda value: value,
    "blob": lambda value: value,
}


class _Member:
    """One structure member: its reader, its transformer and the spellings known per source class."""

    def __init__(self, name: str, shape: Any, parent: Any, path: str, transformers: tuple[tuple[str, Picker], ...]):
        self.name = name
        self.shape = shape
        self.parent = parent
        self.path = f"{path}.{name}"
        self.transformers = transformers
        self.transform = next((how for tail, how in transformers if self.path.endswith(tail)), None)
        self.spellings: dict[type, list[str]] = {}
        self._read: Picker | None = None

    def names(self, source: Any) -> list[str]:
        self.shape.parent = self.parent
        context = AttributePickerContext(obj=source, key=self.name, shape=self.shape)
        names: list[str] = []
        for provider_class in DEFAULT_ALIAS_PROVIDERS:
            provider = provider_class(context)
            if provider.has_alias(self.name):
                alias = provider.get_alias(self.name)
                names += [name for name in (alias, xform_name(alias)) if name not in names]
        return names

    def read(self, value: Any) -> Any:
        if self._read is None:
            self._read = picker(self.shape, self.path, self.transformers)
        return self._read(value)


@cache
def picker(shape: Any, path: str, transformers: tuple[tuple[str, Picker], ...]) -> Picker:
    """The function that reads one shape from a Python value."""
    kind = shape.type_name
    if kind == "structure":
        members = [_Member(name, member, shape, path, transformers) for name, member in shape.members.items()]

        def structure(source: Any) -> Any:
            out: dict[str, Any] = {}
            if source is None:
                return out
            kind_of = type(source)
            keyed = hasattr(kind_of, "__getitem__")
            for member in members:
                names = member.spellings.get(kind_of)
                if names is None:
                    names = member.spellings[kind_of] = member.names(source)
                value: Any = None
                if keyed:
                    for name in names:
                        try:
                            value = source[name]
                            break
                        except (KeyError, IndexError, TypeError):
                            continue
                else:
                    for name in names:
                        value = getattr(source, name, _ABSENT)
                        if value is not _ABSENT:
                            break
                    else:
                        value = None
                if member.transform is not None:
                    value = member.transform(value)
                if value is not None:
                    out[member.name] = member.read(value)
            return out

        return structure
    if kind == "list":
        item = _lazy(lambda: picker(shape.member, f"{path}.{shape.member.name}", transformers))
        return lambda source: [item(value) for value in source]
    if kind == "map":
        value_of = _lazy(lambda: picker(shape.value, path, transformers))
        return lambda source: {key: value_of(value) for key, value in source.items() if value is not None}
    return _SCALARS[kind]


def _lazy(make: Callable[[], Picker]) -> Picker:
    """Delays the compiling of a child, because shapes may contain themselves."""
    made: list[Picker] = []

    def call(value: Any) -> Any:
        if not made:
            made.append(make())
        return made[0](value)

    return call
