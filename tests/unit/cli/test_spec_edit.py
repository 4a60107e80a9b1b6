"""Setting values in a YAML text: the lines that say something else change, and no other character."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cli.spec_edit import value_of, with_values
from mldeploy.errors import SpecError

ROOT = Path(__file__).parents[3]
SPECS = [*sorted((ROOT / "examples").rglob("mldeploy*.yaml")), ROOT / "mldeploy" / "templates" / "example.yaml"]


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        ("a: 1\n", {"a": 2}, "a: 2\n"),
        ("a: 1   # one\nb: 2\n", {"a": 10}, "a: 10   # one\nb: 2\n"),
        ("r:\n  mb: 512  # enough\n\n# the end\n", {"r.cpu": 0.5}, "r:\n  mb: 512  # enough\n  cpu: 0.5\n\n# the end\n"),
        ("r: {a: }\n", {"r.a.b": 1}, "r: {a: {b: 1} }\n"),
        ("r: {memory_mb: 512}  # flow\n", {"r.cpu": 2, "r.memory_mb": 1024}, "r: {memory_mb: 1024, cpu: 2}  # flow\n"),
        ("r: { }\n", {"r.a.b": "x"}, "r: {a: {b: x} }\n"),
        ("r:\nb: 1\n", {"r.a": True}, "r:\n  a: true\nb: 1\n"),
        ("r:   # nothing yet\nb: 1\n", {"r.a": 1}, "r:   # nothing yet\n  a: 1\nb: 1\n"),
        ("a: 1", {"clouds.x.cpu": 1.5}, "a: 1\nclouds:\n  x:\n    cpu: 1.5\n"),
        ("", {"a.b": 1}, "a:\n  b: 1\n"),
        ("# a remark\n", {"a": 1}, "# a remark\na: 1\n"),
        ("a: |\n  text\n  more\n", {"b": 1}, "a: |\n  text\n  more\nb: 1\n"),
        ("s:\n  t:\n    - 1\n    - {a: 2}\n# end\n", {"s.u": 3}, "s:\n  t:\n    - 1\n    - {a: 2}\n  u: 3\n# end\n"),
        ("a: 'x'\n", {"a": "no"}, 'a: "no"\n'),
        ("a: x\n", {"a": "container-apps"}, "a: container-apps\n"),
        ("a: x\n", {"a": "1e3: #"}, 'a: "1e3: #"\n'),
        ("a:\r\n  b: 1\r\n", {"a.b": 2}, "a:\r\n  b: 2\r\n"),
        ("k:\n    deep:\n        x: 1\n", {"k.deep.y": 2}, "k:\n    deep:\n        x: 1\n        y: 2\n"),
    ],
)  # fmt: skip
def test_edits(before: str, values: dict[str, Any], after: str) -> None:
    assert with_values(before, values) == after


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_the_projects_own_specs_change_in_these_lines_only(path: Path) -> None:
    text = path.read_text()
    fresh = with_values(text, {"resources.memory_mb": 640, "clouds.gcp.cpu": 2.0})
    kept = [line for line in text.splitlines() if "memory_mb:" not in line]
    assert [line for line in difflib.ndiff(kept, fresh.splitlines()) if line.startswith("- ")] == []
    assert value_of(fresh, "resources.memory_mb") == 640
    assert value_of(fresh, "clouds.gcp.cpu") == 2.0


KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "no", "1.5", "a: b # c", "", "über"])
TREES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner) | st.lists(inner), max_leaves=8))


@given(TREES, st.lists(KEYS, min_size=1, max_size=3), st.sampled_from([1, 0.25, True, "x", "1.5"]), st.booleans())
def test_whatever_stands_there_the_value_is_set_and_the_rest_is_as_before(
    tree: dict[str, Any], keys: list[str], value: object, is_flow: bool
) -> None:
    text = yaml.safe_dump(tree, default_flow_style=is_flow, allow_unicode=True)
    path = ".".join(keys)
    try:
        fresh = with_values(text, {path: value})
    except SpecError:  # something else where a section or a value should be: the author's to change
        above = [value_of(text, ".".join(keys[:depth])) for depth in range(1, len(keys))]
        assert any(found is not None and not isinstance(found, dict) for found in above) or isinstance(
            value_of(text, path), (dict, list)
        )
        return
    assert value_of(fresh, path) == value
    other = yaml.safe_load(fresh)
    assert {key: other[key] for key in tree if key != keys[0]} == {key: tree[key] for key in tree if key != keys[0]}


def test_what_cannot_be_edited_is_left_to_its_author() -> None:
    with pytest.raises(SpecError) as refused:
        with_values("a: &x {b: 1}\nc: *x\n", {"c.b": 2})
    assert refused.value.hint == "write into it: c.b: 2"
    with pytest.raises(SpecError, match=r"'a\.b' cannot be set: something else stands there"):
        with_values("a: text\n", {"a.b": 2})
