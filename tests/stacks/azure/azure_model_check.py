"""A JSON body against one model of azure-mgmt-*: unknown names, values outside an enumeration, a wrong shape.

Two generations of those packages exist: the newer has typed fields by REST name, the older a table of names and type words.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any

Field = tuple[str, Any]
_WORDS = {"str", "int", "float", "bool", "object", "iso-8601", "duration", "rfc-1123", "date", "long", "bytearray"}


def problems(models: Any, model: type, body: Mapping[str, Any], where: str) -> Iterator[str]:
    """Everything in `body` that `model` does not have or does not take."""
    model = _specific(models, model, body)
    if hasattr(model, "_attribute_map"):
        yield from _older(models, model, body, where)
        return
    yield from _newer(models, model, body, where)


def _newer(models: Any, model: type, body: Mapping[str, Any], where: str) -> Iterator[str]:
    model.__new__(model, {})  # fills the table of fields, which is lazy
    fields = {field._rest_name: name for name, field in model._attr_to_rest_field.items()}  # type: ignore[attr-defined]
    for key, value in body.items():
        if key not in fields:
            yield f"{where}.{key}: {model.__name__} has no such property"
            continue
        hints = (base.__annotations__.get(fields[key]) for base in model.__mro__ if "__annotations__" in base.__dict__)
        text = str(next((hint for hint in hints if hint is not None), ""))
        names = re.findall(r"_models\d*\.(\w+)|ForwardRef\('(?:_?models\.)?(\w+)", text) + [
            (n, "") for n in re.findall(r"'(\w+)'", text)
        ]
        for name in dict.fromkeys(first or second for first, second in names):
            yield from _typed(models, getattr(models, name, None), value, f"{where}.{key}", is_map="dict[" in text.lower())


def _older(models: Any, model: type, body: Mapping[str, Any], where: str) -> Iterator[str]:
    """The table flattens: "properties.source" is the key `source` of the object `properties`."""
    table: dict[tuple[str, ...], str] = {}
    for entry in model._attribute_map.values():  # type: ignore[attr-defined]
        path = tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", entry["key"]))
        table[path] = entry["type"]
    yield from _walk(models, model, table, body, (), where)


def _walk(
    models: Any, model: type, table: Mapping[tuple[str, ...], str], body: Mapping[str, Any], path: tuple[str, ...], where: str
) -> Iterator[str]:
    for key, value in body.items():
        here = (*path, key)
        if here in table:
            word = table[here]
            name = word.strip("[]{}")
            if name not in _WORDS:
                yield from _typed(models, getattr(models, name, None), value, f"{where}.{key}", is_map=word.startswith("{"))
            if word.startswith("[") != isinstance(value, list):
                yield f"{where}.{key}: {'a list' if word.startswith('[') else word} is expected"
        elif any(known[: len(here)] == here for known in table) and isinstance(value, Mapping):
            yield from _walk(models, model, table, value, here, f"{where}.{key}")
        else:
            yield f"{where}.{key}: {model.__name__} has no such property"


def _typed(models: Any, kind: Any, value: Any, where: str, *, is_map: bool) -> Iterator[str]:
    if not isinstance(kind, type):
        return
    if issubclass(kind, enum.Enum):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.lower() not in [each.value.lower() for each in kind]:
                yield f"{where}: {item!r} is not one of {[each.value for each in kind]}"
        return
    items = value.values() if is_map and isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, Mapping):
            yield from problems(models, kind, item, where)


def _specific(models: Any, model: type, body: Mapping[str, Any]) -> type:
    """The model that the body's own discriminator means."""
    table = getattr(model, "_subtype_map", {})
    for attribute, kinds in table.items():
        entry = model._attribute_map[attribute]["key"].replace("\\.", ".")  # type: ignore[attr-defined]
        if body.get(entry) in kinds and kinds[body[entry]] != model.__name__:
            return _specific(models, getattr(models, kinds[body[entry]]), body)
    for name, kind in getattr(model, "__mapping__", {}).items():
        if name in [value for value in body.values() if isinstance(value, str)] and kind is not model:
            return kind  # type: ignore[no-any-return]
    return model
