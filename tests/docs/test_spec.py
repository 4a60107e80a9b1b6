"""docs/spec.md lists every key of the model and of every built-in provider: the tables are generated, the rest is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mldeploy import spec
from mldeploy.providers import registry
from mldeploy.spec.model import ModelSpec
from mldeploy.spec.schema import base_schema, branches_at

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "spec.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->"
# heading -> where it stands, and which `kind` of it
SECTIONS: dict[str, tuple[tuple[str | int, ...], str]] = {
    "The document": ((), ""),
    "model": (("model",), ""),
    "model.preprocess (kind: image)": (("model", "preprocess"), "image"),
    "model.preprocess (kind: tabular)": (("model", "preprocess"), "tabular"),
    "model.preprocess.columns, one entry": (("model", "preprocess", "tabular", "columns", 0), ""),
    "model.postprocess (kind: softmax)": (("model", "postprocess"), "softmax"),
    "model.postprocess (kind: top_k)": (("model", "postprocess"), "top_k"),
    "model.inputs and model.outputs, one entry": (("model", "inputs", 0), ""),
    "resources": (("resources",), ""),
    "image": (("image",), ""),
    "smoke, one entry": (("smoke", 0), ""),
    "workload": (("workload",), ""),
    "workload.curve, as a bell": (("workload", "curve"), ""),
    "state": (("state",), ""),
}


def tables() -> str:
    schema = base_schema()
    parts = []
    for title, (place, kind) in SECTIONS.items():
        branches = [branch for branch in branches_at(schema, place) if not kind or constant(branch, "kind") == kind]
        parts.append(table(title, next(branch for branch in branches if "properties" in branch)))
    parts += [table(f"clouds.{name}", registry.get(name).Settings.model_json_schema()) for name in built_in()]
    return "\n".join(parts)


def built_in() -> list[str]:
    import tomllib

    return sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][registry.GROUP])


def constant(schema: dict[str, Any], key: str) -> Any:
    return schema.get("properties", {}).get(key, {}).get("const")


def table(title: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        f"| `{key}` | {kind_of(part)} | {'required' if key in required else default(part)} | {part['description']} |"
        for key, part in schema["properties"].items()
    ]
    return "\n".join([f"### {title}\n", "| key | value | default | |", "|---|---|---|---|", *rows, ""])


def default(part: dict[str, Any]) -> str:
    value = part.get("default")
    return (
        ""
        if value in (None, {}, []) or isinstance(value, dict)
        else f"`{value if isinstance(value, str) else json.dumps(value)}`"
    )


def kind_of(part: dict[str, Any]) -> str:
    names = [name for name in kinds(part) if name]
    return " or ".join(dict.fromkeys(names)) or "any JSON"


def kinds(part: dict[str, Any]) -> Iterator[str]:
    plain = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true/false", "object": "map"}
    if "const" in part:
        yield f"`{part['const']}`"
    elif "enum" in part:
        yield ", ".join(f"`{value}`" for value in part["enum"])
    elif alternatives := part.get("anyOf") or part.get("oneOf"):
        for alternative in alternatives:
            yield from kinds(alternative)
    elif "$ref" in part:
        yield "map"
    elif part.get("type") == "array":
        items = part.get("items") or part["prefixItems"][0]
        yield "list of " + " or ".join(dict.fromkeys(kinds(items)))
    else:
        yield plain.get(part.get("type", ""), "")


def test_every_key_is_in_the_tables(is_update: bool) -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = f"{before}{BEGIN}\n{tables()}\n{END}{after}"
    if is_update:
        PAGE.write_text(fresh)
    assert PAGE.read_text() == fresh, "write it anew: pytest --update tests/docs/test_spec.py"


def test_no_key_of_the_schema_is_left_out() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    schema = base_schema()
    for name, part in {"": schema, **schema["$defs"]}.items():
        assert set(part.get("properties", {})) <= documented, f"{name or 'the document'} has keys that docs/spec.md lacks"


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_yaml_blocks_hold(block: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("x")
    written = yaml.safe_load(block) or {}
    assert set(written) <= set(ModelSpec.model_fields)
    head = "" if "version" in written else "version: 1\nname: digits\nmodel: {path: model.onnx}\nenv: {LOG_STYLE: plain}\n"
    (tmp_path / "mldeploy.yaml").write_text(head + block)
    for stage in ["dev", *written.get("stages", {})]:
        assert spec.load(tmp_path / "mldeploy.yaml", stage).spec.name == "digits"
