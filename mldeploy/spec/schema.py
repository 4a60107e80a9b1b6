"""The JSON Schema of mldeploy.yaml, for editors: generated from the model and from every provider's own settings.

Whatever the loader accepts, the schema accepts (a property test holds that); the loader checks more. A stage's overlay is the
same schema with nothing required and null allowed everywhere, so that editors complete inside `stages:` too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mldeploy.spec.model import ModelSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OVERLAY = "Overlay_"
_FIXED = ("name", "version", "stages")

Schema = dict[str, Any]


def json_schema(settings_models: Mapping[str, type[BaseModel]]) -> Schema:
    """The schema of a spec whose `clouds:` may hold the blocks of these providers. The same input gives the same bytes."""
    schema = base_schema()
    defs = schema["$defs"]
    blocks = {name: _settings(name, settings_models[name], defs) for name in sorted(settings_models)}
    properties = schema["properties"]
    properties["clouds"] |= {
        "properties": {name: _nullable(block) for name, block in blocks.items()},
        "additionalProperties": False,
    }
    _close_patterns(schema)
    overlays = {_OVERLAY + name: _overlay(part) for name, part in defs.items()}
    stage = _overlay({key: value for key, value in schema.items() if key in ("type", "properties", "additionalProperties")})
    for key in _FIXED:
        del stage["properties"][key]
    defs |= overlays | {f"{_OVERLAY}spec": stage}
    stage_map = properties["stages"]
    pattern = next(iter(stage_map["patternProperties"]))
    stage_map["patternProperties"] = {pattern: _nullable({"$ref": f"#/$defs/{_OVERLAY}spec"})}
    for key in set(properties) - set(schema["required"]):
        properties[key] = _nullable(properties[key])
    return {"$schema": DIALECT, **schema, "title": "mldeploy.yaml"}


def base_schema() -> Schema:
    """The schema of ModelSpec alone."""
    return dict(_untitled(ModelSpec.model_json_schema()))


def _settings(name: str, model: type[BaseModel], defs: dict[str, Any]) -> Schema:
    """A provider's block. Its definitions move into `defs` under the provider's name, where no other provider's can clash."""
    block = _untitled(model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}"))
    defs |= {f"{name}.{key}": part for key, part in block.pop("$defs", {}).items()}
    defs[name] = block
    return {"$ref": f"#/$defs/{name}"}


def _untitled(schema: Any) -> Any:
    """Without the titles that repeat the names of keys."""
    if isinstance(schema, dict):
        return {key: _untitled(part) for key, part in schema.items() if key != "title" or not isinstance(part, str)}
    return [_untitled(part) for part in schema] if isinstance(schema, list) else schema


def _close_patterns(schema: Any) -> None:
    """Maps whose keys follow a pattern take no other keys."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        for part in schema.values():
            _close_patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            _close_patterns(part)


def _nullable(schema: Schema) -> Schema:
    """`schema` or nothing at all (`env:` with every line below it commented out)."""
    outer: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    inner = {key: part for key, part in schema.items() if key not in outer}
    return {**outer, "anyOf": [inner, {"type": "null"}]}


def _overlay(schema: Schema) -> Schema:
    """`schema` for a part that is merged over another: nothing required, null resets, a union is not told by its `kind`."""
    changed = {
        key: part
        for key, part in schema.items()
        if key not in ("required", "default", "discriminator", "oneOf", "minProperties")
    }
    if "$ref" in changed:
        changed["$ref"] = changed["$ref"].replace("#/$defs/", f"#/$defs/{_OVERLAY}")
    for key in ("properties", "patternProperties"):
        if key in changed:
            changed[key] = {name: _nullable(_overlay(part)) for name, part in changed[key].items()}
    choices = [*changed.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        changed["anyOf"] = [_overlay(part) for part in choices]
    if isinstance(changed.get("additionalProperties"), dict):
        changed["additionalProperties"] = _nullable(_overlay(changed["additionalProperties"]))
    return changed


def branches_at(schema: Schema, location: tuple[str | int, ...]) -> list[Schema]:
    """What may stand at `location`: one schema for each alternative. Pydantic's names of union members are followed too."""
    nodes = list(_choices(schema, schema))
    for step in location:
        nodes = [choice for node in _descend(nodes, step) for choice in _choices(node, schema)]
    return nodes


def _descend(nodes: list[Schema], step: str | int) -> list[Schema]:
    if isinstance(step, int):
        return [part for node in nodes if isinstance(part := node.get("items"), dict)]
    found = [node["properties"][step] for node in nodes if step in node.get("properties", {})]
    if found:
        return found
    of_kind = [node for node in nodes if node.get("properties", {}).get("kind", {}).get("const") == step]
    return of_kind or [part for node in nodes if isinstance(part := node.get("additionalProperties"), dict)] or nodes


def _choices(node: Schema, root: Schema) -> Iterator[Schema]:
    """`node` with references followed and alternatives listed."""
    if "$ref" in node:
        yield from _choices(root["$defs"][node["$ref"].removeprefix("#/$defs/")], root)
    elif alternatives := node.get("anyOf") or node.get("oneOf"):
        for alternative in alternatives:
            yield from _choices(alternative, root)
    else:
        yield node
