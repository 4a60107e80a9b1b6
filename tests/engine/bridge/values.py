"""Values on both sides: Pulumi's plain structures, and Terraform's, which have every attribute of the schema, None or not.

encode: Pulumi inputs ─▶ a Terraform configuration          decode: a Terraform state ─▶ Pulumi outputs
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from bridge.names import camel, candidates, plural
from bridge.terraform import UNKNOWN

PULUMI_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
STATE, PRIVATE = "__terraformState", "__terraformPrivate"
NOT_ARGUMENTS = {"__defaults", STATE, PRIVATE, "region"}
"""What pulumi-aws 7 or the bridge adds; the region of a single resource came after this Terraform provider."""
SINGLE, GROUP = 1, 5


def encode(block: Any, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """A configuration value for `block`. Raises KeyError with the inputs that the schema does not know."""
    given, used, out = dict(values or {}), set(NOT_ARGUMENTS), {}
    for attribute in block.attributes:
        kind = json.loads(attribute.type)
        name = _first(candidates(attribute.name, is_list=_is_list(kind), is_single_block=False), given)
        used.add(name)
        out[attribute.name] = _encode(given[name], kind) if name else None
    for nested in block.block_types:
        is_single = nested.max_items == 1
        name = _first(candidates(nested.type_name, is_list=not is_single, is_single_block=is_single), given)
        used.add(name)
        out[nested.type_name] = _encode_nested(nested, given[name] if name else None)
    unknown = sorted(set(given) - used)
    if unknown:
        raise KeyError(", ".join(unknown))
    return out


def _first(names: Iterable[str], given: Mapping[str, Any]) -> str:
    return next((name for name in names if name in given), "")


def _is_list(kind: Any) -> bool:
    return isinstance(kind, list) and kind[0] in ("list", "set")


def _encode_nested(nested: Any, value: Any) -> Any:
    if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        value = value["value"]
    if nested.nesting in (SINGLE, GROUP):
        return encode(nested.block, value) if value is not None else None
    if value == PULUMI_UNKNOWN:
        return UNKNOWN
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [encode(nested.block, item) for item in items]


def _encode(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if value == PULUMI_UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        return _encode(value["value"], kind)
    if isinstance(kind, list):
        return _encode_collection(value, *kind[:2])
    if kind == "number":
        return int(value) if float(value).is_integer() else float(value)
    if kind == "string":
        return _text(value)
    if kind == "bool":
        return value if isinstance(value, bool) else value == "true"
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _encode_collection(value: Any, collection: str, of: Any) -> Any:
    if collection in ("list", "set"):
        return [_encode(item, of) for item in (value if isinstance(value, list) else [value])]
    if collection == "map":
        return {key: _encode(item, of) for key, item in value.items()}
    return {
        field: _encode(value.get(_first((camel(field), camel(plural(field)), field), value)), kind)
        for field, kind in of.items()
    }


def decode(block: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pulumi outputs of a Terraform state."""
    out: dict[str, Any] = {}
    for attribute in block.attributes:
        value = values.get(attribute.name)
        if value is not None:
            is_list = _is_list(json.loads(attribute.type))
            out[candidates(attribute.name, is_list=is_list, is_single_block=False)[0]] = _plain(value)
    for nested in block.block_types:
        value = values.get(nested.type_name)
        if not value:
            continue
        is_single = nested.max_items == 1
        name = candidates(nested.type_name, is_list=not is_single, is_single_block=is_single)[0]
        if isinstance(value, msgpack.ExtType):
            out[name] = PULUMI_UNKNOWN
        elif nested.nesting in (SINGLE, GROUP):
            out[name] = decode(nested.block, value)
        else:
            out[name] = decode(nested.block, value[0]) if is_single else [decode(nested.block, item) for item in value]
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, msgpack.ExtType):
        return PULUMI_UNKNOWN
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def settable(block: Any) -> set[str]:
    """The Pulumi names of everything that an input may say."""
    names = {camel(attribute.name) for attribute in block.attributes if attribute.required or attribute.optional}
    for attribute in block.attributes:
        if attribute.required or attribute.optional:
            names.update(candidates(attribute.name, is_list=_is_list(json.loads(attribute.type)), is_single_block=False))
    for nested in block.block_types:
        is_single = nested.max_items == 1
        names.update(candidates(nested.type_name, is_list=not is_single, is_single_block=is_single))
    return names
